import { Migration } from '@mikro-orm/migrations';
import type pg from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { RolloutEvent, RolloutOutcome } from '../../src/fleet/rollout-event.js';
import type { MigrationList } from '../../src/migrations/tenant-migration.js';
import { migrationOf } from '../../../../test/support/migration-of.js';
import { until } from '../../../../test/support/until.js';
import { type FleetShop, first, openFleet } from './support/fleet-shop.js';
import { atGate, type Gate, makeGate } from './support/gate.js';

const outside = (...statements: string[]) =>
  class extends Migration {
    override up(): void {
      for (const statement of statements) this.addSql(statement);
    }

    override isTransactional(): boolean {
      return false;
    }
  };

/** Fills what an earlier migration added, by code; the gate is before it. */
class Coded extends Migration {
  override async up(): Promise<void> {
    this.addSql('alter table item add column code text');
    this.addSql(atGate);
    await this.execute('update item set code = name');
  }
}

const third = {
  ...first,
  '000002-a': migrationOf('alter table item add column a int'),
  '000003-b': migrationOf('alter table item add column b int'),
} as const;
/** All kinds, and each in the middle of the others. */
const mixed: MigrationList = {
  ...third,
  '000004-sql': migrationOf('alter table item add column c int'),
  '000005-code': Coded,
  '000006-index': outside('create unique index concurrently item_code on item (code)'),
};
const longer: MigrationList = {
  ...mixed,
  '000007-sql': migrationOf('alter table item add column d int'),
  '000008-index': outside('create index concurrently item_d on item (d)'),
};

let shop: FleetShop;
let gate: Gate;
/** The test's own connections; those of its pool are not replaced meanwhile. */
let own: number[];
let writer: pg.PoolClient | undefined;
beforeEach(async () => {
  shop = await openFleet(8, third);
  gate = await makeGate(shop.database.admin);
  const pids = await Promise.all(
    Array.from({ length: 4 }, () => shop.sql<{ pid: number }>('select pg_backend_pid() as pid, pg_sleep(0.05)')),
  );
  own = pids.flat().map(({ pid }) => pid);
});
afterEach(async () => {
  writer?.release(true);
  writer = undefined;
  await gate.open();
  await shop.close();
});

/** An index that is built concurrently waits for every transaction that may still see its table without it. */
const holdIndexes = async () => {
  writer = await shop.database.admin.connect();
  own.push((writer as unknown as { processID: number }).processID);
  await writer.query('begin isolation level repeatable read');
  await writer.query('select 1');
};
const letIndexesGo = async () => {
  await writer?.query('commit');
  writer?.release();
  writer = undefined;
};
const building = (count: number) =>
  until('indexes are being built', async () => {
    const rows = await shop.sql(
      "select from pg_stat_activity where query like 'create %index concurrently%' and wait_event_type = 'Lock' and datname = current_database()",
    );
    return rows.length >= count;
  });
/** As a restart of PostgreSQL or an operator does: all sessions but the test's own. */
const terminate = async (condition = 'true') => {
  await shop.sql(
    `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and backend_type = 'client backend' and pid <> all ($1) and ${condition}`,
    [own],
  );
};
/** Says what the database has, whatever the rollout says. */
const truth = async (target: string) => ({
  heads: await shop.heads(),
  invalid: (await shop.sql('select from pg_index where not indisvalid or not indisready')).length,
  ledger: (await shop.sql('select from tenantry.ledger where migration = $1', [target])).length,
});
const whole = (target: string) => ({ heads: { [target]: 8 }, invalid: 0, ledger: 8 });

const follow = async (rollout: AsyncIterable<RolloutEvent> & { outcome: Promise<RolloutOutcome> }) => {
  const events: RolloutEvent[] = [];
  for await (const event of rollout) events.push(event);
  return { events, outcome: await rollout.outcome };
};

it('is done only when every tenant is at the target, when its sessions end while indexes are built', async () => {
  await holdIndexes();
  const { fleet } = await shop.start(mixed);
  const following = follow(fleet.migrate({ concurrency: 3 }));
  await building(3);
  await terminate();
  await letIndexesGo();
  const { outcome, events } = await following;
  expect(outcome).toMatchObject({ status: 'done', total: 8, done: 8, failed: 0, failures: [] });
  expect(events.some(({ type }) => type === 'away')).toBe(true);
  expect(await truth('000006-index')).toEqual(whole('000006-index'));
  expect(await fleet.rollout(outcome.id ?? 0)).toMatchObject({ status: 'done', done: 8, failed: 0 });
  expect(await fleet.migrate().outcome).toMatchObject({ id: null, total: 0 });
});

it('goes on from any head that the list knows, also one between two kinds', async () => {
  await holdIndexes();
  const { fleet } = await shop.start(longer);
  const following = follow(fleet.migrate({ concurrency: 2 }));
  for (let round = 0; round < 3; round++) {
    await building(2);
    await terminate("query like 'create %index concurrently%'");
    await until('they are gone', async () => {
      const rows = await shop.sql('select from pg_index where not indisvalid and indrelid::regclass::text like $1', [
        't%',
      ]);
      return rows.length > 0;
    });
  }
  await letIndexesGo();
  expect((await following).outcome).toMatchObject({ status: 'done', done: 8, failed: 0 });
  expect(await truth('000008-index')).toEqual(whole('000008-index'));
});

it.each([
  ['in the code', 't003'],
  ['in the code of the first one', 't000'],
])('is done once when its sessions end %s', async (_, tenant) => {
  await gate.shut(`${tenant}_shop`);
  const { fleet } = await shop.start(mixed);
  const following = follow(fleet.migrate({ concurrency: 2 }));
  await gate.reached();
  await terminate();
  await gate.open();
  expect((await following).outcome).toMatchObject({ status: 'done', done: 8, failed: 0 });
  expect(await truth('000006-index')).toEqual(whole('000006-index'));
  expect(await shop.sql(`select code from ${tenant}_shop.item`)).toEqual([{ code: 'first' }]);
});

it('leads again when only the connection that leads is lost', async () => {
  await gate.shut('t003_shop');
  const { fleet } = await shop.start(mixed);
  const following = follow(fleet.migrate({ concurrency: 1 }));
  await gate.reached();
  const leads = "state = 'idle in transaction' and query like '%pg_try_advisory_xact_lock(%'";
  await terminate(leads);
  await gate.open();
  const { events, outcome } = await following;
  expect(outcome).toMatchObject({ status: 'done', done: 8, failed: 0 });
  expect(events.some(({ type }) => type === 'away')).toBe(true);
  expect(await truth('000006-index')).toEqual(whole('000006-index'));
});

it('goes on with what a process left behind that was killed, from the heads in between', async () => {
  await holdIndexes();
  const tenancy = await shop.start(mixed);
  const following = follow(tenancy.fleet.migrate({ concurrency: 3 }));
  await building(3);
  // Nobody comes back: as after a kill, the catalog says "running" and three tenants have an index that is not valid.
  const stop = tenancy.stop();
  await terminate();
  await following.catch(() => undefined);
  await stop.catch(() => undefined);
  await letIndexesGo();
  expect((await truth('000006-index')).invalid).toBeGreaterThan(0);
  const { fleet } = await shop.start(mixed);
  expect((await fleet.plan()).groups.map(({ from }) => from)).toContain('000005-code');
  expect(await fleet.migrate().outcome).toMatchObject({ status: 'done', failed: 0 });
  expect(await truth('000006-index')).toEqual(whole('000006-index'));
});

it('does not count what a standby that took over never had', async () => {
  await gate.shut('t005_shop');
  const { fleet } = await shop.start(mixed);
  const following = follow(fleet.migrate({ concurrency: 1 }));
  await gate.reached();
  // The last commits of a server are lost with it: here those of one tenant.
  await shop.sql('drop index t001_shop.item_code');
  await shop.sql("delete from tenantry.ledger where schema_name = 't001_shop' and migration = '000006-index'");
  await shop.sql("update tenantry.tenant_schema set head = '000005-code' where schema_name = 't001_shop'");
  await terminate();
  await gate.open();
  expect((await following).outcome).toMatchObject({ status: 'done', done: 8, failed: 0 });
  expect(await truth('000006-index')).toEqual(whole('000006-index'));
});
