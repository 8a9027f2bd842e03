import { Migration } from '@mikro-orm/migrations';
import { afterEach, expect, it } from 'vitest';
import type { RolloutEvent } from '../../src/fleet/rollout-event.js';
import { migrationOf } from '../../../../test/support/migration-of.js';
import { type FleetShop, first, openFleet } from './support/fleet-shop.js';
import { atGate, makeGate } from './support/gate.js';

const second = { ...first, '000002-price': migrationOf('alter table item add column price int') };
const unique = { ...first, '000002-unique': migrationOf('create unique index item_name on item (name)') };

let shop: FleetShop;
afterEach(() => shop.close());

const columns = () =>
  shop.sql<{ schema: string }>(
    "select n.nspname as schema from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace where attname = 'price' and not attisdropped and n.nspname like 't%\\_shop'",
  );

it('takes every tenant to head, each migration once, with the ledger, and finds nothing to do afterwards', async () => {
  shop = await openFleet(25);
  const { fleet } = await shop.start(second);
  const plan = await fleet.plan();
  expect(plan).toMatchObject({ total: 25, target: '000002-price', waves: [{ name: 'all' }] });
  const events: RolloutEvent[] = [];
  const rollout = fleet.migrate();
  for await (const event of rollout) events.push(event);
  expect(await rollout.outcome).toMatchObject({ status: 'done', total: 25, done: 25, failed: 0, failures: [] });
  expect(events.map(({ type }) => type)).toEqual(
    expect.arrayContaining(['planned', 'started', 'wave', 'progress', 'finished']),
  );
  expect(await shop.heads()).toEqual({ '000002-price': 25 });
  expect(await columns()).toHaveLength(25);
  const ledger = await shop.sql("select * from tenantry.ledger where migration = '000002-price'");
  expect(ledger).toHaveLength(25);
  expect(await fleet.migrate().outcome).toMatchObject({ id: null, status: 'done', total: 0 });
});

it('lets one bad tenant fail alone, names it, and tries only it again', async () => {
  shop = await openFleet(32);
  await shop.sql("insert into t007_shop.item values (2, 'first')");
  const { fleet } = await shop.start(unique);
  const outcome = await fleet.migrate().outcome;
  expect(outcome).toMatchObject({ status: 'failed', total: 32, done: 31, failed: 1 });
  expect(outcome.failures).toMatchObject([{ tenant: 't007', code: 'TENANCY_MIGRATION_FAILED' }]);
  expect(outcome.failures[0]?.reason).toContain('could not create unique index');
  expect(await shop.heads()).toEqual({ '000001-item': 1, '000002-unique': 31 });
  expect(await fleet.rollout(outcome.id ?? 0)).toMatchObject({ status: 'failed', failures: [{ tenant: 't007' }] });
  await shop.sql('delete from t007_shop.item where id = 2');
  expect(await fleet.plan()).toMatchObject({ total: 1 });
  expect(await fleet.migrate().outcome).toMatchObject({ status: 'done', total: 1 });
});

it('halts after a failed canary, keeps the reconciler away, and resumes where it ended', async () => {
  shop = await openFleet(20);
  const tenancy = await shop.start(second);
  const [canary] = (await tenancy.fleet.plan({ canary: 3 })).waves;
  const bad = canary?.tenants[1]?.tenant ?? '';
  await shop.sql(`alter table "${bad}_shop".item add column price text`);
  const outcome = await tenancy.fleet.migrate({ canary: 3, waves: ['50%'] }).outcome;
  expect(outcome).toMatchObject({ status: 'halted', failed: 1, reason: '1 of 3 canary tenants failed' });
  expect((await shop.heads())['000002-price']).toBeLessThanOrEqual(2);
  const before = await shop.heads();
  expect(await tenancy.reconcile()).toMatchObject({ migrated: 0, failed: 0 });
  expect(await shop.heads()).toEqual(before);
  await shop.sql(`alter table "${bad}_shop".item drop column price`);
  const resumed = await (await tenancy.fleet.resume(outcome.id ?? 0)).outcome;
  expect(resumed).toMatchObject({ id: outcome.id, status: 'done', failed: 0 });
  expect(await shop.heads()).toEqual({ '000002-price': 20 });
  expect(await tenancy.fleet.rollout(outcome.id ?? 0)).toMatchObject({ status: 'done', failures: [] });
  await expect(tenancy.fleet.resume(outcome.id ?? 0)).rejects.toMatchObject({ code: 'TENANCY_ROLLOUT_OVER' });
});

it('takes a selection back and holds it there until somebody migrates it by command', async () => {
  shop = await openFleet(6);
  const tenancy = await shop.start({ ...first, '000002-price': Downable });
  await tenancy.reconcile();
  const down = { direction: 'down', to: '000001-item', selector: { tenants: ['t001', 't002'] } } as const;
  expect(await tenancy.fleet.migrate(down).outcome).toMatchObject({ status: 'done', done: 2 });
  expect(await columns()).toHaveLength(4);
  expect(await tenancy.reconcile()).toMatchObject({ migrated: 0 });
  expect(await shop.heads()).toEqual({ '000001-item': 2, '000002-price': 4 });
  expect(await tenancy.fleet.migrate().outcome).toMatchObject({ done: 2 });
  expect(await columns()).toHaveLength(6);
});

it('refuses to take back what has no down, before anything is changed', async () => {
  shop = await openFleet(3);
  const tenancy = await shop.start(second);
  await tenancy.reconcile();
  const down = tenancy.fleet.migrate({ direction: 'down', to: '000001-item' });
  await expect(down.outcome).rejects.toMatchObject({ code: 'TENANCY_MIGRATION_IRREVERSIBLE' });
  expect(await shop.heads()).toEqual({ '000002-price': 3 });
});

it('delays only the tenant in which somebody holds a lock', async () => {
  shop = await openFleet(20);
  const { fleet } = await shop.start(second, { lockTimeoutMs: 200 });
  const busy = await shop.database.admin.connect();
  await busy.query('begin');
  await busy.query('lock table t005_shop.item in access share mode');
  const rollout = fleet.migrate();
  for await (const event of rollout) {
    // All the others are done while it still waits.
    if (event.type === 'progress' && event.done === 19) await busy.query('commit');
  }
  busy.release();
  expect(await rollout.outcome).toMatchObject({ status: 'done', done: 20, failed: 0 });
});

it('does everything once when two processes start together', async () => {
  shop = await openFleet(40);
  const [one, other] = await Promise.all([shop.start(second), shop.start(second)]);
  const outcomes = await Promise.all([one.fleet.migrate().outcome, other.fleet.migrate().outcome]);
  expect(outcomes.map(({ done }) => done).toSorted((a, b) => a - b)).toEqual([0, 40]);
  expect(outcomes.every(({ status }) => status === 'done')).toBe(true);
  expect(await columns()).toHaveLength(40);
});

it('stops after the batches in flight when it is told to, and goes on later', async () => {
  shop = await openFleet(60);
  const { fleet } = await shop.start(second);
  const stop = new AbortController();
  const rollout = fleet.migrate({ concurrency: 1, signal: stop.signal });
  for await (const event of rollout) if (event.type === 'progress') stop.abort();
  const { status, id, done, reason } = await rollout.outcome;
  expect({ status, reason }).toEqual({ status: 'stopped', reason: 'its operator stopped it' });
  expect(done).toBeGreaterThan(0);
  expect(done).toBeLessThan(60);
  expect(await shop.heads()).toEqual({ '000001-item': 60 - done, '000002-price': done });
  expect(await fleet.rollout(id ?? 0)).toMatchObject({ status: 'stopped', done });
  expect(await (await fleet.resume(id ?? 0)).outcome).toMatchObject({ status: 'done' });
  expect(await shop.heads()).toEqual({ '000002-price': 60 });
});

it('is done, not stopped, when the last batch was in flight as it was told to stop', async () => {
  shop = await openFleet(20);
  const gate = await makeGate(shop.database.admin);
  await gate.shut();
  const { fleet } = await shop.start({ ...first, '000002-more': migrationOf(atGate) });
  const stop = new AbortController();
  const rollout = fleet.migrate({ signal: stop.signal });
  await gate.reached();
  stop.abort();
  await gate.open();
  const { id } = await rollout.outcome;
  expect(await rollout.outcome).toMatchObject({ status: 'done', done: 20, failed: 0, reason: null });
  expect(await fleet.rollout(id ?? 0)).toMatchObject({ status: 'done', done: 20 });
});

it('halts when more tenants fail than were to be put up with', async () => {
  shop = await openFleet(20);
  for (const tenant of shop.tenants) await shop.sql(`insert into ${tenant}_shop.item values (2, 'first')`);
  const { fleet } = await shop.start(unique);
  const outcome = await fleet.migrate({ concurrency: 1, maxFailures: '10%' }).outcome;
  expect(outcome).toMatchObject({ status: 'halted', failed: 3, done: 0 });
  expect((await fleet.plan({ maxFailures: '10%' })).maxFailures).toBe(2);
});

it.each([
  ['maxFailures', { maxFailures: '1 %' }],
  ['maxFailures', { maxFailures: 'many' }],
  ['maxFailures', { maxFailures: '-1' }],
  ['maxFailures', { maxFailures: '101%' }],
  ['maxFailures', { maxFailures: '' }],
  ['canary', { canary: Number.NaN }],
  ['canary', { canary: 0.5 }],
  ['waves', { waves: ['ten'] }],
  ['concurrency', { concurrency: 0 }],
  ['concurrency', { concurrency: Number.NaN }],
])('refuses %s that is not understood, %j, before anything is changed', async (option, options) => {
  shop = await openFleet(2);
  const { fleet } = await shop.start(second);
  await expect(fleet.migrate(options).outcome).rejects.toMatchObject({
    code: 'TENANCY_OPTION_INVALID',
    fields: { option },
  });
  expect(await shop.heads()).toEqual({ '000001-item': 2 });
  expect(await shop.sql('select from tenantry.rollout')).toEqual([]);
});

it('makes a tenant that has no schema yet with the head that was asked for, not a newer one', async () => {
  shop = await openFleet(2);
  const { fleet } = await shop.start(second);
  await shop.sql("insert into tenantry.tenant (id, name) values ('fresh', 'fresh')");
  expect(await fleet.migrate({ to: '000001-item' }).outcome).toMatchObject({ status: 'done', done: 1 });
  expect(await shop.heads()).toEqual({ '000001-item': 3 });
});

it('runs code in every tenant’s own scope, and PostgreSQL keeps it there', async () => {
  shop = await openFleet(3);
  const { fleet } = await shop.start({
    ...first,
    '000002-code': coded('update item set note = ? where id = 1', 'kept'),
  });
  expect(await fleet.migrate().outcome).toMatchObject({ status: 'done', done: 3 });
  expect(await shop.sql('select note from t002_shop.item')).toEqual([{ note: 'kept' }]);
  const next = await shop.start({
    ...first,
    '000002-code': coded('update item set note = ? where id = 1', 'kept'),
    '000003-cross': coded('update t001_shop.item set name = ?', 'stolen', 'note2'),
  });
  const outcome = await next.fleet.migrate({ selector: { tenants: ['t002'] } }).outcome;
  expect(outcome.failures[0]?.reason).toContain('permission denied');
  expect(await shop.sql('select name from t001_shop.item')).toEqual([{ name: 'first' }]);
});

it('builds an index outside a transaction, and builds again what was left invalid', async () => {
  shop = await openFleet(4);
  await shop.sql("insert into t001_shop.item values (2, 'first')");
  await shop.sql('create unique index concurrently item_name on t001_shop.item (name)').catch(() => undefined);
  await shop.sql('delete from t001_shop.item where id = 2');
  const { fleet } = await shop.start({ ...first, '000002-index': Concurrent });
  expect(await fleet.migrate().outcome).toMatchObject({ status: 'done', done: 4 });
  const rows = await shop.sql<{ valid: boolean }>(
    "select indisvalid as valid from pg_index where indexrelid::regclass::text like 't%\\_shop.item_name'",
  );
  expect(rows).toEqual(Array.from({ length: 4 }, () => ({ valid: true })));
});

it('finds the tenant that differs from its ledger', async () => {
  shop = await openFleet(5);
  const { fleet } = await shop.start(first);
  expect(await fleet.drift()).toMatchObject({ clean: true, checked: 5, drifted: [] });
  await shop.sql('alter table t003_shop.item add column extra int');
  expect(await fleet.drift()).toMatchObject({ clean: false, drifted: [{ tenant: 't003' }] });
});

it('runs a function in every tenant, and one that throws stops no other', async () => {
  shop = await openFleet(12);
  const { fleet } = await shop.start(first);
  const results = await fleet.each({}, ({ id }) => {
    if (id === 't003') throw new Error('not here');
    return id;
  });
  expect(results.filter(({ ok }) => ok)).toHaveLength(11);
  expect(results.find(({ ok }) => !ok)).toMatchObject({ tenant: 't003', error: new Error('not here') });
});

class Downable extends Migration {
  override up(): void {
    this.addSql('alter table item add column price int');
  }

  override down(): void {
    this.addSql('alter table item drop column price');
  }
}

class Concurrent extends Migration {
  override up(): void {
    this.addSql('create unique index concurrently item_name on item (name)');
  }

  override isTransactional(): boolean {
    return false;
  }
}

const coded = (sql: string, value: string, column = 'note') =>
  class extends Migration {
    override async up(): Promise<void> {
      this.addSql(`alter table item add column ${column} text`);
      await this.execute(sql, [value]);
    }
  };
