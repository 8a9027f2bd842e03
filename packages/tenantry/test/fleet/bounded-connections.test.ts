import { Migration } from '@mikro-orm/migrations';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type CliProject, openCliProject } from '../../../../test/support/cli-project.js';
import { migrationOf } from '../../../../test/support/migration-of.js';
import { until } from '../../../../test/support/until.js';
import { type FleetShop, first, openFleet } from './support/fleet-shop.js';

const workers = 3;
const bounded = { ownerConnections: workers + 1 };
const bad = ['t003', 't007', 't008', 't011', 't012', 't013', 't021', 't022', 't029'];
/** Each migration writes down who is connected as it runs. */
const seeing = [
  `-- tenantry-allow qualified-name: one list for all tenants
   insert into public.seen select count(*) from pg_stat_activity
    where datname = current_database() and usename = current_user and backend_type = 'client backend'
      and pid not in (select pid from public.known)`,
  'create unique index item_name on item (name)',
];

let shop: FleetShop;
beforeEach(async () => {
  shop = await openFleet(30);
  for (const tenant of bad) await shop.sql(`insert into ${tenant}_shop.item values (2, 'first')`);
  await shop.sql('create table public.seen (backends int)');
  await shop.sql('create table public.known as select pid from pg_stat_activity where datname = current_database()');
});
afterEach(() => shop.close());

const mostSeen = async () => {
  const [row] = await shop.sql<{ most: number }>('select max(backends)::int as most from public.seen');
  return row?.most;
};

it('never has more connections than its workers and the one that leads, also when tenants fail', async () => {
  const { fleet } = await shop.start({ ...first, '000002-seen': migrationOf(...seeing) }, bounded);
  const outcome = await fleet.migrate({ concurrency: workers }).outcome;
  expect(outcome).toMatchObject({ status: 'failed', done: 21, failed: bad.length });
  expect(outcome.failures.map(({ tenant }) => tenant).toSorted()).toEqual(bad);
  const most = await mostSeen();
  expect(most).toBeLessThanOrEqual(workers + 1);
  // Otherwise the count saw nothing.
  expect(most).toBeGreaterThan(1);
});

it('keeps to it from the command line, with one more that looks at what the others wait for', async () => {
  const project: CliProject = await openCliProject(shop.database.url);
  await project.ship({
    '000001-item': ['create table item (id int primary key, name text)', "insert into item values (1, 'first')"],
    '000002-seen': seeing,
  });
  const { code, stderr } = await project.run('migrate', '--connections', String(workers));
  await project.close();
  expect(code, stderr).toBe(1);
  const most = await mostSeen();
  expect(most).toBeLessThanOrEqual(workers + 2);
  // Otherwise the count saw nothing.
  expect(most).toBeGreaterThan(1);
});

it('keeps to it for what runs outside a transaction', async () => {
  await Promise.all(bad.map((tenant) => shop.sql(`delete from ${tenant}_shop.item where id = 2`)));
  const writer = await shop.database.admin.connect();
  await writer.query('begin');
  // An index that is built concurrently waits for whoever has written to its table.
  for (const tenant of shop.tenants) await writer.query(`lock table ${tenant}_shop.item in row exclusive mode`);
  await shop.sql('truncate public.known');
  await shop.sql('insert into public.known select pid from pg_stat_activity where datname = current_database()');
  const { fleet } = await shop.start({ ...first, '000002-index': Concurrent }, bounded);
  const rollout = fleet.migrate({ concurrency: workers });
  await until('every worker builds an index', async () => {
    const building = await shop.sql(
      "select from pg_stat_activity where query like 'create index concurrently%' and wait_event_type = 'Lock' and datname = current_database()",
    );
    return building.length === workers;
  });
  const backends = await shop.sql(
    `select from pg_stat_activity where datname = current_database() and usename = current_user
       and backend_type = 'client backend' and pid not in (select pid from public.known) and pid <> pg_backend_pid()`,
  );
  await writer.query('commit');
  writer.release();
  expect(await rollout.outcome).toMatchObject({ status: 'done', done: 30 });
  expect(backends.length).toBeLessThanOrEqual(workers + 1);
});

it('gives back the connections of tenants that failed, so that ten more rollouts find theirs', async () => {
  const { fleet } = await shop.start({ ...first, '000002-seen': migrationOf(...seeing) }, bounded);
  const warnings: string[] = [];
  const warn = ({ message }: Error) => warnings.push(message);
  process.on('warning', warn);
  for (let round = 0; round < 11; round++)
    expect(await fleet.migrate({ concurrency: workers }).outcome).toMatchObject({ failed: bad.length });
  process.off('warning', warn);
  const left = await shop.sql(
    `select state, query from pg_stat_activity where datname = current_database() and state <> 'idle' and pid <> pg_backend_pid()
     union all select 'lock', locktype from pg_locks join pg_database on pg_database.oid = database
      where datname = current_database() and locktype = 'advisory'`,
  );
  expect(left).toEqual([]);
  expect(warnings).toEqual([]);
});

it('leaves alone what had not begun when it is told to stop after the first failure', async () => {
  const { fleet } = await shop.start({ ...first, '000002-seen': migrationOf(...seeing) }, bounded);
  const stop = new AbortController();
  const rollout = fleet.migrate({ concurrency: 1, selector: { tenants: bad }, signal: stop.signal });
  for await (const event of rollout) if (event.type === 'failure') stop.abort();
  const { status, failed, done } = await rollout.outcome;
  expect({ status, done }).toEqual({ status: 'stopped', done: 0 });
  expect(failed).toBeLessThan(bad.length);
  expect(await shop.heads()).toEqual({ '000001-item': 30 });
});

it('says which option is too small where there is no connection left to work with, instead of waiting for one', async () => {
  const { fleet } = await shop.start({ ...first, '000002-seen': migrationOf(...seeing) }, { ownerConnections: 1 });
  await expect(fleet.migrate().outcome).rejects.toMatchObject({
    code: 'TENANCY_OPTION_INVALID',
    operatorMessage: expect.stringContaining('`ownerConnections`') as string,
  });
  expect(await shop.heads()).toEqual({ '000001-item': 30 });
});

class Concurrent extends Migration {
  override up(): void {
    this.addSql('create index concurrently item_name on item (name)');
  }

  override isTransactional(): boolean {
    return false;
  }
}
