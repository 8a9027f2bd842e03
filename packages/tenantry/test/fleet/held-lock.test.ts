import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { migrationOf } from '../../../../test/support/migration-of.js';
import { until } from '../../../../test/support/until.js';
import { type FleetShop, first, openFleet } from './support/fleet-shop.js';

const second = { ...first, '000002-price': migrationOf('alter table item add column price int') };
const busy = 't005';
const lockTimeoutMs = 150;

let shop: FleetShop;
let holder: pg.PoolClient;
let traffic: pg.Client;
beforeEach(async () => {
  shop = await openFleet(12);
  holder = await shop.database.admin.connect();
  // A report that runs for hours: it only reads, and yet no DDL of its tenant gets past it.
  await holder.query('begin');
  await holder.query(`select from ${busy}_shop.item`);
  traffic = new pg.Client({ connectionString: shop.database.url, application_name: 'traffic' });
  await traffic.connect();
});
afterEach(async () => {
  await holder.query('rollback');
  holder.release();
  await traffic.end();
  await shop.close();
});

/** Whether the tenant's own traffic stands behind a change of its table. */
const waits = async () => {
  const rows = await shop.sql(
    "select from pg_stat_activity where application_name = 'traffic' and wait_event_type = 'Lock' and datname = current_database()",
  );
  return rows.length > 0;
};
/** Another database's table may have the same number. */
const itsLocks = `select from pg_locks where relation = '${busy}_shop.item'::regclass
  and database = (select oid from pg_database where datname = current_database())`;
const isHeld = async () => {
  const [row] = await shop.sql<{ held: boolean }>(
    `select exists (${itsLocks} and mode = 'AccessShareLock' and granted and pid <> pg_backend_pid()) as held`,
  );
  return row?.held;
};

it('finishes the others, and names the one whose lock was not to be had, which the next run does alone', async () => {
  const { fleet } = await shop.start(second, { lockTimeoutMs });
  const outcome = await fleet.migrate().outcome;
  expect(outcome).toMatchObject({ status: 'failed', done: 11, failed: 1 });
  expect(outcome.failures).toMatchObject([{ tenant: busy, reason: expect.stringContaining('lock timeout') as string }]);
  expect(await shop.heads()).toEqual({ '000001-item': 1, '000002-price': 11 });
  await holder.query('commit');
  expect(await fleet.migrate().outcome).toMatchObject({ status: 'done', total: 1 });
});

it('lets the traffic of that tenant pass again and again, while the lock is still held and the change still tried', async () => {
  const { fleet } = await shop.start(second, { lockTimeoutMs });
  const rollout = fleet.migrate({ selector: { tenants: [busy] } });
  let ended = false;
  void rollout.outcome.finally(() => (ended = true));
  let passedFromBehind = 0;
  while (!ended) {
    const query = traffic.query(`select from ${busy}_shop.item`);
    const isBehind = await waits();
    await query;
    expect(await isHeld()).toBe(true);
    if (isBehind) passedFromBehind++;
  }
  expect(await rollout.outcome).toMatchObject({ status: 'failed', failed: 1 });
  // Otherwise no change of the table was in its way, and nothing was shown.
  expect(passedFromBehind).toBeGreaterThan(0);
});

it('without the wall: with no limit for the wait, its traffic stands still until the lock is given back', async () => {
  const { fleet } = await shop.start(second, { lockTimeoutMs: 0 });
  const rollout = fleet.migrate({ selector: { tenants: [busy] } });
  await until('the change waits', async () => {
    const rows = await shop.sql(`${itsLocks} and not granted`);
    return rows.length > 0;
  });
  let passed = false;
  const query = traffic.query(`select from ${busy}_shop.item`).then(() => (passed = true));
  await until('the traffic waits', waits);
  await sleep(lockTimeoutMs * 8);
  expect(passed).toBe(false);
  await holder.query('commit');
  await query;
  expect(await rollout.outcome).toMatchObject({ status: 'done', done: 1 });
});
