import { afterAll, beforeAll, expect, it } from 'vitest';
import { migrationOf } from '../../../../test/support/migration-of.js';
import type { Tenancy } from '../../src/tenancy.js';
import { type FleetShop, first, openFleet } from './support/fleet-shop.js';

// The same names, other statements: a history that both shared would take one for the other's.
const shopMigrations = { ...first, '000002-more': migrationOf('alter table item add column price int') };
const billing = {
  '000001-item': migrationOf('create table invoice (id int primary key)'),
  '000002-more': migrationOf('alter table invoice add column paid boolean'),
};

let fleet: FleetShop;
let bills: Tenancy;
beforeAll(async () => {
  fleet = await openFleet(6);
  bills = await fleet.start({ '000001-item': billing['000001-item'] }, { service: 'billing' });
  await bills.reconcile();
});
afterAll(() => fleet.close());

const headsOf = async (service: string) => {
  const rows = await fleet.sql<{ head: string; n: number }>(
    'select head, count(*)::int as n from tenantry.tenant_schema where service = $1 group by head',
    [service],
  );
  return Object.fromEntries(rows.map(({ head, n }) => [head, n]));
};
const relations = async (schema: string) => {
  const rows = await fleet.sql<{ name: string }>(
    "select relname as name from pg_class where relnamespace = $1::regnamespace and relkind = 'r'",
    [schema],
  );
  return rows.map(({ name }) => name);
};

it('keeps a history of its own for each service of a tenant', async () => {
  const items = await fleet.start(shopMigrations);
  expect(await items.fleet.migrate().outcome).toMatchObject({ status: 'done', done: 6 });
  expect(await headsOf('shop')).toEqual({ '000002-more': 6 });
  expect(await headsOf('billing')).toEqual({ '000001-item': 6 });
  expect(await relations('t002_shop')).toEqual(['item']);
  expect(await relations('t002_billing')).toEqual(['invoice']);
});

it('lets one service roll out while the other one’s rollout failed', async () => {
  await fleet.sql('alter table t004_billing.invoice add column paid int');
  const next = await fleet.start(billing, { service: 'billing' });
  expect(await next.fleet.migrate().outcome).toMatchObject({ status: 'failed', done: 5, failed: 1 });
  const items = await fleet.start({ ...shopMigrations, '000003-size': migrationOf('alter table item add size int') });
  expect(await items.fleet.migrate().outcome).toMatchObject({ status: 'done', done: 6 });
  expect(await headsOf('billing')).toEqual({ '000001-item': 1, '000002-more': 5 });
  expect(await headsOf('shop')).toEqual({ '000003-size': 6 });
});

it('lists the rollouts of each alone', async () => {
  const all = await bills.fleet.rollouts();
  expect(all.map(({ service, status }) => `${service} ${status}`)).toEqual([
    'shop done',
    'billing failed',
    'shop done',
  ]);
  expect(await bills.fleet.rollouts('billing')).toHaveLength(1);
});
