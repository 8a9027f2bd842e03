import { afterEach, expect, it } from 'vitest';
import { migrationOf } from '../../../../test/support/migration-of.js';
import { largeTablesSql } from '../../src/fleet/large-tables.js';
import { makePlan } from '../../src/fleet/make-plan.js';
import type { RolloutEvent } from '../../src/fleet/rollout-event.js';
import { compileMigrations } from '../../src/migrations/compile-migrations.js';
import type { MigrationList } from '../../src/migrations/tenant-migration.js';
import type { Querier } from '../../src/postgres/querier.js';
import { parseServiceName } from '../../src/tenant/service-name.js';
import { type FleetShop, first, openFleet } from './support/fleet-shop.js';

const index = 'create index item_name on item (name)';
const indexed = { ...first, '000002-index': migrationOf(index) };
const why = 'index-not-concurrent: nobody works at night';

let shop: FleetShop;
afterEach(() => shop.close());

/** Fills a tenant's table, and lets PostgreSQL count it. */
async function fill(tenant: string, rows: number): Promise<void> {
  await shop.sql(`insert into ${tenant}_shop.item select n, 'x' from generate_series(10, $1::int + 8) n`, [rows]);
  await shop.sql(`analyze ${tenant}_shop.item`);
}

it('refuses an index that is built while writers wait, where one tenant’s table is large', async () => {
  shop = await openFleet(8);
  await fill('t003', 300);
  await fill('t005', 900);
  const { fleet } = await shop.start(indexed, { largeTableRows: 200 });
  const plan = await fleet.plan();
  expect(plan).toMatchObject({
    total: 8,
    findings: [
      {
        level: 'error',
        rule: 'index-not-concurrent',
        migration: '000002-index',
        table: 'item',
        tenant: 't005',
        statement: 0,
        sql: index,
      },
    ],
  });
  expect(plan.findings[0]?.message).toContain('which has 900 rows somewhere');
  const events: RolloutEvent[] = [];
  const rollout = fleet.migrate();
  for await (const event of rollout) events.push(event);
  await expect(rollout.outcome).rejects.toMatchObject({
    code: 'TENANCY_PLAN_REFUSED',
    fields: { migration: '000002-index', rule: 'index-not-concurrent', tenant: 't005' },
  });
  expect(events.map(({ type }) => type)).toEqual(['planned']);
  expect(await shop.heads()).toEqual({ '000001-item': 8 });
  expect(await fleet.rollouts()).toEqual([]);
});

it('builds the same index where no table is large, and where the large one is not selected', async () => {
  shop = await openFleet(4);
  await fill('t003', 300);
  const { fleet } = await shop.start(indexed, { largeTableRows: 200 });
  const others = { tenants: ['t000', 't001', 't002'] };
  expect(await fleet.plan({ selector: others })).toMatchObject({ total: 3, findings: [] });
  expect(await fleet.migrate({ selector: others }).outcome).toMatchObject({ status: 'done', done: 3 });
  await expect(fleet.migrate().outcome).rejects.toMatchObject({ code: 'TENANCY_PLAN_REFUSED' });
  const patient = await shop.start(indexed);
  expect(await patient.fleet.migrate().outcome).toMatchObject({ status: 'done', done: 1 });
});

it('has nothing against a large table of a tenant that has the index already', async () => {
  shop = await openFleet(3);
  const { fleet } = await shop.start(indexed, { largeTableRows: 200 });
  await fleet.migrate({ selector: { tenants: ['t001'] } }).outcome;
  await fill('t001', 300);
  const more = { ...indexed, '000003-note': migrationOf('alter table item add column note text') };
  const next = await shop.start(more, { largeTableRows: 200 });
  expect(await next.fleet.plan()).toMatchObject({ total: 3, findings: [] });
});

it('runs it all the same for a reason, which the rollout keeps; without one it is refused', async () => {
  shop = await openFleet(3);
  await fill('t001', 300);
  const { fleet } = await shop.start(indexed, { largeTableRows: 200 });
  for (const allow of ['index-not-concurrent', 'index-not-concurrent: ', 'no-such-rule: because']) {
    await expect(fleet.migrate({ allow: [allow] }).outcome).rejects.toMatchObject({
      code: 'TENANCY_OPTION_INVALID',
      fields: { option: 'allow' },
    });
  }
  expect(await fleet.plan({ allow: [why] })).toMatchObject({ findings: [] });
  const { status, id } = await fleet.migrate({ allow: [why] }).outcome;
  expect(status).toBe('done');
  expect(await fleet.rollout(id ?? 0)).toMatchObject({ options: { allow: [why] } });
});

it('takes the reason that stands in the statement', async () => {
  shop = await openFleet(2);
  await fill('t001', 300);
  const reasoned = { ...first, '000002-index': migrationOf(`-- tenantry-allow ${why}\n${index}`) };
  const { fleet } = await shop.start(reasoned, { largeTableRows: 200 });
  expect(await fleet.migrate().outcome).toMatchObject({ status: 'done', done: 2 });
});

it('asks one query more where an index is to be built, whatever the number of tenants, and none at head', async () => {
  shop = await openFleet(6);
  const texts: string[] = [];
  const owner = {
    query: (text: string, values: unknown[]) => (texts.push(text), shop.database.admin.query(text, values)),
  } as unknown as Querier;
  const queries = async (list: MigrationList) => {
    const migrations = await compileMigrations('shop', list);
    texts.length = 0;
    await makePlan(owner, { service: parseServiceName('shop'), migrations }, 1);
    return texts.length;
  };
  expect(await queries(indexed)).toBe(2);
  expect(await queries({ ...first, '000002-price': migrationOf('alter table item add column price int') })).toBe(1);
  const { fleet } = await shop.start(indexed);
  await fleet.migrate().outcome;
  expect(await queries(indexed)).toBe(1);
});

it('finds large tables by index lookups only, and never through information_schema', async () => {
  shop = await openFleet(2);
  const values = [[0, 0], ['t000_shop', 't001_shop'], [0], ['item'], 0];
  const rows = await shop.sql<{ 'QUERY PLAN': string }>(`explain (costs off) ${largeTablesSql}`, values);
  const plan = rows.map((row) => row['QUERY PLAN']);
  expect(largeTablesSql).not.toContain('information_schema');
  expect(plan.filter((line) => /Seq Scan/.test(line))).toEqual([]);
  expect(plan.join('\n')).toMatch(
    /Index Scan using pg_class_relname_nsp_index[^]*Index Cond: \(\(relname = .*\) AND \(relnamespace = /,
  );
});
