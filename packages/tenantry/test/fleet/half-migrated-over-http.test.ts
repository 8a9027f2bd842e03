import { afterEach, beforeEach, expect, it } from 'vitest';
import { migrationOf } from '../../../../test/support/migration-of.js';
import { until } from '../../../../test/support/until.js';
import { atGate, type Gate, makeGate } from './support/gate.js';
import { type FleetShop, first, openFleet } from './support/fleet-shop.js';
import { type ServedFleet, serveFleet } from './support/served-fleet.js';

const stuck = ['t003', 't008'];
const second = { ...first, '000002-price': migrationOf(atGate, 'alter table item add column price int') };

let shop: FleetShop;
let gate: Gate;
let served: ServedFleet;
beforeEach(async () => {
  shop = await openFleet(10);
  for (const tenant of shop.tenants) await shop.sql(`update ${tenant}_shop.item set name = '${tenant}'`);
  gate = await makeGate(shop.database.admin);
  for (const tenant of stuck) await gate.shut(`${tenant}_shop`);
});
afterEach(async () => {
  await gate.open();
  await served.close();
  await shop.close();
});

const isStuck = (tenant: string) => stuck.includes(tenant);

/** Waits until each of these tenants was answered some more times. */
async function someMore(tenants: readonly string[], status?: number): Promise<void> {
  const before = served.answers.length;
  const answers = (tenant: string) =>
    served.answers
      .slice(before)
      .filter((one) => one.tenant === tenant && (status === undefined || one.answer.status === status));
  await until('every tenant is answered', () => tenants.every((tenant) => answers(tenant).length >= 3));
}

/**
 * A rollout under load that has done eight tenants and is at work in two.
 *
 * @param answered - Tenants that are answered in that state.
 */
async function rollOutUnderLoad(answered: readonly string[]): Promise<void> {
  const { fleet } = await shop.start(second);
  const others = shop.tenants.filter((tenant) => !isStuck(tenant));
  expect(await fleet.migrate({ selector: { tenants: others } }).outcome).toMatchObject({ status: 'done' });
  const rest = fleet.migrate().outcome;
  await gate.reached();
  await someMore(answered);
  expect(await shop.heads()).toEqual({ '000001-item': 2, '000002-price': 8 });
  await gate.open();
  expect(await rest).toMatchObject({ status: 'done', failed: 0 });
  await someMore(shop.tenants, 200);
  await served.rest();
  expect(await shop.heads()).toEqual({ '000002-price': 10 });
}

/** Statuses of all answers; every row in them must be the tenant's own. */
function statuses(): number[] {
  for (const { tenant, answer } of served.answers) {
    if (answer.status === 200 || answer.status === 201)
      expect({ tenant, rows: answer.body }).toMatchObject({ tenant, rows: [{ id: 1, name: tenant }] });
  }
  return [...new Set(served.answers.map(({ answer }) => answer.status))].toSorted((a, b) => a - b);
}

it('serve: answers every tenant, done or not', async () => {
  served = await serveFleet(shop, second, { onBehind: 'serve' });
  await rollOutUnderLoad(shop.tenants);
  expect(statuses()).toEqual([200, 201]);
});

it('migrate: answers every tenant, and those under way once they are done', async () => {
  served = await serveFleet(shop, second, { onBehind: 'migrate', ownerConnections: 4, connections: 14 });
  await rollOutUnderLoad(shop.tenants.filter((tenant) => !isStuck(tenant)));
  expect(statuses()).toEqual([200, 201]);
});

it('reject: answers those that are done, and the others with 503 and Retry-After until they are', async () => {
  served = await serveFleet(shop, second, { onBehind: 'reject' });
  await someMore(shop.tenants, 503);
  await rollOutUnderLoad(shop.tenants);
  expect(statuses()).toEqual([200, 201, 503]);
  for (const { answer } of served.answers.filter((one) => one.answer.status === 503))
    expect(answer).toMatchObject({ retryAfter: '1', body: { code: 'TENANCY_TENANT_BEHIND' } });
});

it('without the wall: code that needs the new tables answers 500 for a tenant that still has the old ones', async () => {
  served = await serveFleet(shop, second, { onBehind: 'serve' }, '/items/priced');
  await rollOutUnderLoad(shop.tenants);
  expect(statuses()).toEqual([200, 500]);
});
