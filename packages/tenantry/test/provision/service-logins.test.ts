import { MikroORM } from '@mikro-orm/postgresql';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { freshIds } from '../../../../test/support/actual-state.js';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { type Login, Logins } from '../../../../test/support/logins.js';
import { migrationOf } from '../../../../test/support/migration-of.js';
import type { TenancyOptions } from '../../src/options.js';
import { Tenancy } from '../../src/tenancy.js';

let database: TestDatabase;
let logins: Logins;
let started: { stop(): Promise<void> }[];
let id: string;

beforeEach(async () => {
  database = await createTestDatabase();
  logins = new Logins(database);
  started = [];
  [id = ''] = freshIds(1);
});
afterEach(async () => {
  for (const each of started) await each.stop();
  await logins.dropWithDatabase();
});

const migrations = {
  '000001-widget': migrationOf('create table widget (id int generated always as identity, name text)'),
};

async function start(
  service: string,
  options: Omit<TenancyOptions, 'service'>,
): Promise<{ tenancy: Tenancy; write(): Promise<unknown> }> {
  const tenancy = await Tenancy.start({ service, migrations, reconcile: { automatic: false }, ...options });
  const orm = await MikroORM.init(tenancy.orm({ entities: [], discovery: { warnWhenNoEntities: false } }));
  started.push({ stop: () => orm.close().then(() => tenancy.stop()) });
  return {
    tenancy,
    write: () => tenancy.run(id, () => orm.em.execute("insert into widget (name) values ('x') returning name")),
  };
}

const withOwner = (login: Login) => ({ ownerUrl: database.url, url: login.url });

it('lets each service enter its own tenant schemas when another service provisions them, and no others', async () => {
  const [identity, inventory] = [await logins.make('noinherit'), await logins.make('noinherit')];
  const one = await start('inventory', withOwner(inventory));
  const other = await start('identity', withOwner(identity));
  await other.tenancy.catalog.create({ id, name: id });
  expect(await other.tenancy.reconcile()).toMatchObject({ provisioned: 2, failed: 0 });
  expect(await one.write()).toEqual([{ name: 'x' }]);
  expect(await other.write()).toEqual([{ name: 'x' }]);
  const { rows } = await database.admin.query(
    'select roleid::regrole::text as tenant, member::regrole::text as service from pg_auth_members where roleid::regrole::text like $1 order by 1',
    [`"${id}%`],
  );
  expect(rows.filter(({ service }) => service === inventory.role || service === identity.role)).toEqual([
    { tenant: `"${id}_identity"`, service: identity.role },
    { tenant: `"${id}_inventory"`, service: inventory.role },
  ]);
});

it.each(['role', 'schema'] as const)(
  'serves the tenants that exist when a service gets another login (isolation: %s)',
  async (isolation) => {
    const [before, after] = [await logins.make('noinherit'), await logins.make('noinherit')];
    const old = await start('shop', { ...withOwner(before), isolation });
    await old.tenancy.catalog.create({ id, name: id });
    expect(await old.write()).toEqual([{ name: 'x' }]);
    const renewed = await start('shop', { ...withOwner(after), isolation });
    expect(await renewed.tenancy.reconcile()).toMatchObject({
      failed: 0,
      changes: [{ tenant: id, outcome: 'granted', migrations: [] }],
    });
    expect(await renewed.write()).toEqual([{ name: 'x' }]);
    // While processes with the old login still run, they serve too.
    expect(await old.write()).toEqual([{ name: 'x' }]);
    expect(await renewed.tenancy.reconcile()).toMatchObject({ changes: [] });
  },
);

it('serves the tenants that exist when a second URL takes the place of the login that Tenantry made', async () => {
  const laptop = await start('shop', { url: database.url });
  await laptop.tenancy.catalog.create({ id, name: id });
  expect(await laptop.write()).toEqual([{ name: 'x' }]);
  const production = await start('shop', withOwner(await logins.make('noinherit')));
  await production.tenancy.reconcile();
  expect(await production.write()).toEqual([{ name: 'x' }]);
});

it("runs a service's migrations with that service's shared schemas, whoever provisions", async () => {
  await database.admin.query(
    "create schema ext; create domain ext.label as text check (value <> ''); grant usage on schema ext to public",
  );
  const labelled = { '000001-labelled': migrationOf('create table widget (id int, name label)') };
  await start('inventory', { url: database.url, migrations: labelled, sharedSchemas: ['ext'] });
  const other = await start('identity', { url: database.url });
  await other.tenancy.catalog.create({ id, name: id });
  expect(await other.tenancy.reconcile()).toMatchObject({ provisioned: 2, failures: [] });
});
