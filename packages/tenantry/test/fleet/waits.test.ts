import { setTimeout as sleep } from 'node:timers/promises';
import { Migration } from '@mikro-orm/migrations';
import pg from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type CliProject, openCliProject } from '../../../../test/support/cli-project.js';
import { migrationOf } from '../../../../test/support/migration-of.js';
import { until } from '../../../../test/support/until.js';
import { describeTransactions, readOldTransactions } from '../../src/fleet/open-transaction.js';
import type { RolloutEvent } from '../../src/fleet/rollout-event.js';
import { type FleetShop, openFleet } from './support/fleet-shop.js';

const outside = (...statements: string[]) =>
  class extends Migration {
    override up(): void {
      for (const statement of statements) this.addSql(statement);
    }

    override isTransactional(): boolean {
      return false;
    }
  };
class Coded extends Migration {
  override async up(): Promise<void> {
    this.addSql('alter table item add column code text');
    await this.execute('update item set code = name');
  }
}

const tables = ['create table item (id int primary key, name text)', 'create table other (id int primary key)'];
const first = { '000001-item': migrationOf(...tables) } as const;
const index = 'create index concurrently other_id on other (id)';
const mixed = {
  ...first,
  '000002-sql': migrationOf('alter table item add column a int'),
  '000003-code': Coded,
  '000004-index': outside(index),
};

let shop: FleetShop;
let busy: pg.PoolClient;
let pid: number;
beforeEach(async () => {
  shop = await openFleet(6, first);
  busy = await shop.database.admin.connect();
  const { rows } = await busy.query<{ pid: number }>(
    "select pg_backend_pid() as pid, set_config('application_name', 'report', false)",
  );
  pid = rows[0]?.pid ?? 0;
});
afterEach(async () => {
  busy.release(true);
  await shop.close();
});

const oldTransaction = async () => {
  await busy.query('begin isolation level repeatable read');
  await busy.query('select 1');
};
const failureOf = async (tenant: string, migrations: typeof mixed, options: object) => {
  const { fleet } = await shop.start(migrations, options);
  const outcome = await fleet.migrate().outcome;
  expect(outcome).toMatchObject({ status: 'failed', done: 5, failed: 1, failures: [{ tenant }] });
  const { failures } = await fleet.rollout(outcome.id ?? 0);
  expect(failures).toEqual(outcome.failures);
  return failures[0];
};

it('names the statement that waited, what for, and who held it, whatever step it was', async () => {
  await busy.query('begin');
  await busy.query('lock table t002_shop.item in access share mode');
  const failure = await failureOf('t002', mixed, { lockTimeoutMs: 300 });
  expect(failure).toMatchObject({ code: 'TENANCY_MIGRATION_FAILED', statement: 'alter table item add column a int' });
  expect(failure?.reason).toContain('lock timeout');
  expect(failure?.reason).toContain(
    `"alter table item add column a int" waited for AccessExclusiveLock on relation t002_shop.item, held by pid ${pid} (`,
  );
  expect(failure?.reason).toContain('report, idle in transaction');
  expect(failure?.reason).toContain('`lockTimeoutMs`');
  expect(await shop.heads()).toEqual({ '000001-item': 1, '000004-index': 5 });
});

it('names it in the last step of a mixed path too, and keeps the steps before it', async () => {
  await busy.query('begin');
  await busy.query('lock table t002_shop.other in share mode');
  const failure = await failureOf('t002', mixed, { outsideWaitMs: 900 });
  expect(failure?.reason).toContain('stays at its last whole migration');
  expect(failure?.reason).toContain(
    `waited for ShareUpdateExclusiveLock on relation t002_shop.other, held by pid ${pid} (`,
  );
  expect(failure?.reason).toContain('`outsideWaitMs`');
  expect(failure?.reason).not.toContain('somebody else changed it');
  expect(await shop.heads()).toEqual({ '000003-code': 1, '000004-index': 5 });
});

it('names who may hold it where no connection is left to look from', async () => {
  await busy.query('begin');
  await busy.query('lock table t002_shop.item in access share mode');
  const failure = await failureOf('t002', mixed, { lockTimeoutMs: 100, ownerConnections: 2 });
  expect(failure?.reason).toContain(`these hold locks in the schema: pid ${pid} (`);
});

it('names the oldest transactions before it builds an index and while that waits, and goes on when they end', async () => {
  await oldTransaction();
  await sleep(1100);
  const { fleet } = await shop.start(mixed);
  const rollout = fleet.migrate({ concurrency: 2 });
  const seen: RolloutEvent[] = [];
  for await (const event of rollout) {
    seen.push(event);
    if (event.type === 'blocked') await busy.query('commit');
  }
  expect(await rollout.outcome).toMatchObject({ status: 'done', done: 6 });
  const before = seen.findIndex(({ type }) => type === 'old-transactions');
  expect(seen[before]).toMatchObject({ transactions: [{ pid, application: 'report', state: 'idle in transaction' }] });
  const blocked = seen.findIndex(({ type }) => type === 'blocked');
  expect(seen[blocked]).toMatchObject({ statement: index, by: [{ pid, application: 'report' }] });
  expect(seen.findIndex(({ type }) => type === 'wave')).toBeGreaterThan(before);
  expect(blocked).toBeGreaterThan(before);
});

it('says nothing of the kind when nobody is in the way', async () => {
  const { fleet } = await shop.start(mixed);
  const rollout = fleet.migrate();
  const seen: string[] = [];
  for await (const { type } of rollout) seen.push(type);
  expect(seen).not.toContain('blocked');
  expect(seen).not.toContain('old-transactions');
});

it('waits for an old transaction no longer than it was told to, once, and names it', async () => {
  await oldTransaction();
  const { fleet } = await shop.start(mixed, { outsideWaitMs: 700 });
  const outcome = await fleet.migrate().outcome;
  expect(outcome).toMatchObject({ status: 'failed', failed: 6 });
  expect(outcome.failures[0]).toMatchObject({ statement: index });
  expect(outcome.failures[0]?.reason).toContain(`held by pid ${pid} (`);
  expect(outcome.failures[0]?.reason).toContain('raise `outsideWaitMs`');
  await busy.query('commit');
  expect(await fleet.migrate().outcome).toMatchObject({ status: 'done', done: 6 });
  expect(await shop.sql('select from pg_index where not indisvalid')).toEqual([]);
});

it('names a prepared transaction, which has no backend', async ({ skip }) => {
  const [setting] = await shop.sql<{ max: string }>("select current_setting('max_prepared_transactions') as max");
  skip(setting?.max === '0', 'this server has max_prepared_transactions = 0');
  await busy.query('begin');
  await busy.query('lock table t002_shop.item in row exclusive mode');
  await busy.query(`prepare transaction 'left ${pid}'`);
  try {
    const failure = await failureOf('t002', mixed, { lockTimeoutMs: 300 });
    expect(failure?.reason).toContain(`held by prepared transaction left ${pid}`);
  } finally {
    await shop.sql(`rollback prepared 'left ${pid}'`);
  }
});

it('drops what an interrupted reindex left, before it begins again', async () => {
  await oldTransaction();
  const { fleet } = await shop.start({ ...first, '000002-again': outside('reindex index concurrently item_pkey') });
  const rollout = fleet.migrate({ concurrency: 1, selector: { tenants: ['t001'] } });
  const remains = () => shop.sql("select from pg_class where relname ~ '_cc(new|old)'");
  await until('the new index waits', async () => {
    const waiting = await shop.sql(
      "select from pg_stat_activity where query like 'reindex%' and wait_event_type = 'Lock' and datname = current_database()",
    );
    return waiting.length > 0 && (await remains()).length > 0;
  });
  await shop.sql(
    "select pg_terminate_backend(pid) from pg_stat_activity where query like 'reindex%' and datname = current_database()",
  );
  await busy.query('commit');
  expect(await rollout.outcome).toMatchObject({ status: 'done', done: 1 });
  expect(await remains()).toEqual([]);
});

it('names sessions of other roles for an owner that may not see when they began', async () => {
  const role = `blind_${shop.database.name}`;
  await shop.sql(`create role ${role} login createrole password 'blind'`);
  await shop.sql(`alter database ${shop.database.name} owner to ${role}`);
  const url = new URL(shop.database.url);
  [url.username, url.password] = [role, 'blind'];
  const blind = new pg.Client({ connectionString: url.href });
  await blind.connect();
  try {
    expect(await readOldTransactions(blind, 200)).toEqual([]);
    await oldTransaction();
    expect(await readOldTransactions(blind, 200)).toMatchObject([{ pid, state: null, openMs: null }]);
    expect(describeTransactions(await readOldTransactions(blind, 200))).toMatch(new RegExp(`^pid ${pid} \\(role `));
    // Who may see it needs no second look.
    expect(await readOldTransactions(shop.database.admin, 1)).toMatchObject([{ pid, application: 'report' }]);
  } finally {
    await blind.end();
    await shop.sql(`alter database ${shop.database.name} owner to current_user`);
    await shop.sql(`drop role ${role}`);
  }
});

it('says it on the command line, in words and as JSON', async () => {
  const project: CliProject = await openCliProject(shop.database.url);
  try {
    const shipped = { '000001-item': tables, '000002-index': [index] };
    await project.ship(shipped);
    for (const flags of [[], ['--json']]) {
      await oldTransaction();
      await sleep(1100);
      const running = project.start(...flags, 'migrate', '--tenant', flags.length === 0 ? 't001' : 't002');
      const said = () => running.said.stdout + running.said.stderr;
      const told = flags.length === 0 ? `waits, for ` : '"blocked"';
      await until('it says who is waited for', () => said().includes(told));
      await busy.query('commit');
      expect((await running.ended).code).toBe(0);
      expect(said()).toContain(
        flags.length === 0 ? `older ones: pid ${pid} (` : '"old-transactions","transactions":[{"pid"',
      );
      expect(said()).toContain(flags.length === 0 ? `held by pid ${pid} (` : `"by":[{"pid":${pid},`);
    }
  } finally {
    await project.close();
  }
});
