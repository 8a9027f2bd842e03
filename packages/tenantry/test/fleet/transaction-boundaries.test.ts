import { afterEach, expect, it } from 'vitest';
import { Migration } from '@mikro-orm/migrations';
import { migrationOf } from '../../../../test/support/migration-of.js';
import { type FleetShop, openFleet } from './support/fleet-shop.js';

const mood = {
  '000001-mood': migrationOf(
    "create type mood as enum ('sad')",
    'create table item (id int primary key, name text, mood mood)',
    "insert into item values (1, 'first', 'sad')",
  ),
} as const;

let shop: FleetShop;
afterEach(() => shop.close());

const moods = async () => {
  const rows = await Promise.all(
    shop.tenants.map((tenant) => shop.sql<{ mood: string }>(`select mood from ${tenant}_shop.item where id = 1`)),
  );
  return [...new Set(rows.flat().map((row) => row.mood))];
};

it.each([
  ['sql', ["alter type mood add value 'glad'"]],
  ['sql, spelled at length', ["-- more of them\nALTER  TYPE mood\n  ADD VALUE IF NOT EXISTS 'glad' after 'sad'"]],
  ['a do block', ["do $$ begin alter type mood add value 'glad'; end $$"]],
])('ends a transaction after a new value of an enum (%s), so that the next migration may use it', async (_, adding) => {
  shop = await openFleet(30, mood);
  const { fleet } = await shop.start({
    ...mood,
    '000002-glad': migrationOf(...adding),
    '000003-use': migrationOf("update item set mood = 'glad'", "alter table item alter mood set default 'glad'"),
  });
  expect(await fleet.migrate().outcome).toMatchObject({ status: 'done', done: 30, failures: [] });
  expect(await moods()).toEqual(['glad']);
});

it('does so before code, too', async () => {
  shop = await openFleet(3, mood);
  const { fleet } = await shop.start({
    ...mood,
    '000002-glad': migrationOf("alter type mood add value 'glad'"),
    '000003-code': Coded,
  });
  expect(await fleet.migrate().outcome).toMatchObject({ status: 'done', failures: [] });
  expect(await moods()).toEqual(['glad']);
});

it('runs migrations apart that PostgreSQL refuses together: deferred triggers wait for the end of the transaction', async () => {
  const deferred = {
    '000001-item': migrationOf(
      'create table item (id int primary key, parent int, mood text)',
      `alter table item add constraint item_parent foreign key (parent) references item (id) deferrable initially deferred`,
      "insert into item values (1, null, 'sad')",
    ),
  };
  shop = await openFleet(5, deferred);
  const { fleet } = await shop.start({
    ...deferred,
    '000002-fill': migrationOf('update item set parent = 1'),
    '000003-more': migrationOf('alter table item add column more int'),
  });
  expect(await fleet.migrate().outcome).toMatchObject({ status: 'done', done: 5, failures: [] });
});

it('does so in a schema that all tenants share', async () => {
  shop = await openFleet(1, mood);
  const shared = { '000001-mood': migrationOf("create type geo_mood as enum ('sad')") };
  await (await shop.start(mood, { shared: { schema: 'geo', migrations: shared } })).stop();
  const more = {
    ...shared,
    '000002-glad': migrationOf("alter type geo_mood add value 'glad'"),
    '000003-use': migrationOf('create table moods (mood geo_mood primary key)', "insert into moods values ('glad')"),
    '000004-more': migrationOf("insert into moods values ('sad')"),
  };
  await shop.start(mood, { shared: { schema: 'geo', migrations: more } });
  expect(await shop.sql('select mood::text from geo.moods order by 1')).toEqual([{ mood: 'glad' }, { mood: 'sad' }]);
  expect(await shop.sql("select from tenantry.ledger where schema_name = 'geo'")).toHaveLength(4);
});

it('says what PostgreSQL advises where one migration both adds a value and uses it', async () => {
  shop = await openFleet(2, mood);
  const both = migrationOf(
    "alter type mood add value 'glad'",
    "-- tenantry-allow enum-value-used-at-once: to see it fail\nupdate item set mood = 'glad'",
  );
  const { fleet } = await shop.start({ ...mood, '000002-both': both });
  const { failures } = await fleet.migrate().outcome;
  expect(failures).toHaveLength(2);
  expect(failures[0]).toMatchObject({
    reason: expect.stringContaining('unsafe use of new value "glad"') as string,
    detail: 'New enum values must be committed before they can be used.',
    statement: expect.stringContaining("update item set mood = 'glad'") as string,
  });
});

class Coded extends Migration {
  override async up(): Promise<void> {
    await this.execute("update item set mood = 'glad'");
  }
}
