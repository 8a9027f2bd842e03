import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type LocalPostgres, startLocalPostgres } from '@tenantry/host/local-postgres';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { atGate, type Gate, makeGate } from '../../packages/tenantry/test/fleet/support/gate.js';
import { type CliProject, openCliProject, type RunningCli } from '../support/cli-project.js';
import { databaseUrl } from '../support/database.js';
import { until } from '../support/until.js';

const settings = { fsync: 'off', max_connections: '40' };
const tenants = Array.from({ length: 100 }, (_, index) => `t${String(index).padStart(3, '0')}`);
const first = { '000001-item': ['create table item (id int primary key, name text)'] };
// A second run of it would fail, or leave a second row.
const added = ['alter table item add column more int', atGate, 'insert into item (id) select count(*) from item'];
const second = { ...first, '000002-more': added };

let dataDir: string;
let server: LocalPostgres;
let databases = 0;
let admin: pg.Pool;
let gate: Gate;
let project: CliProject;
beforeAll(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'tenantry-rollout-restart-'));
  await chmod(dataDir, 0o711);
  server = await startLocalPostgres({ dataDir, settings });
}, 60_000);
beforeEach(async () => {
  const name = `fleet${++databases}`;
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  await client.query(`create database ${name}`);
  await client.end();
  const url = databaseUrl(server.url, name);
  admin = new pg.Pool({ connectionString: url, max: 2 });
  admin.on('error', () => undefined);
  gate = await makeGate(admin);
  project = await openCliProject(url);
  await project.ship(first);
  // Installs the catalog.
  await project.run('migrate');
  await admin.query('insert into tenantry.tenant (id, name) select id, id from unnest($1::text[]) id', [tenants]);
  expect(await project.run('migrate')).toMatchObject({ code: 0 });
  await project.ship(second);
}, 60_000);
afterEach(async () => {
  await admin.end();
  await project.close();
});
afterAll(async () => {
  await server.stop();
  await rm(dataDir, { recursive: true, force: true });
});

/** A rollout whose server is stopped when half of the fleet is done, one batch is under way and others have not begun. */
async function stoppedInTheMiddle(...options: string[]): Promise<RunningCli> {
  await gate.shut(`${tenants[tenants.length / 2]}_shop`);
  const running = project.start(...options, 'migrate', '--connections', '1');
  await gate.reached();
  await server.stop();
  return running;
}

async function startAgain(): Promise<void> {
  server = await startLocalPostgres({ dataDir, settings });
  await gate.open();
}

async function requireOnce(): Promise<void> {
  const state = await admin.query(
    `select (select json_object_agg(head, n) from (select head, count(*) as n from tenantry.tenant_schema group by head) h) as heads,
            (select count(*)::int from tenantry.ledger where migration = '000002-more') as ledger`,
  );
  expect(state.rows).toEqual([{ heads: { '000002-more': tenants.length }, ledger: tenants.length }]);
  const items = tenants.map((tenant) => `select id from ${tenant}_shop.item`).join(' union all ');
  const { rows } = await admin.query(`select id, count(*)::int as n from (${items}) i group by id`);
  expect(rows).toEqual([{ id: 0, n: tenants.length }]);
}

it('says that PostgreSQL is away, waits for it, and finishes with each migration run once', async () => {
  const running = await stoppedInTheMiddle();
  await until('it says so', () => running.said.stderr.includes('PostgreSQL is away'));
  await startAgain();
  const { code, stderr } = await running.ended;
  expect(stderr).toMatch(/shop: PostgreSQL is away \([^\n]+\); waiting for it\n/);
  expect(stderr).toMatch(/shop: rollout \d+ done: 100 of 100 tenants in \d+\.\d s, 0 failed\n$/);
  expect(code).toBe(0);
  await requireOnce();
  expect((await project.run('migrate')).stdout).toContain('nothing to do');
});

it('tells machines the same, one document a line', async () => {
  const running = await stoppedInTheMiddle('--json');
  await until('it says so', () => running.said.stdout.includes('"away"'));
  await startAgain();
  const { code, stdout, stderr } = await running.ended;
  const outcome = stdout.trim().split('\n').at(-1) ?? '';
  expect(JSON.parse(outcome)).toMatchObject({ type: 'finished', outcome: { status: 'done', done: 100, failed: 0 } });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  await requireOnce();
});

it('ends clearly when it is told not to wait; the rollout is interrupted, and its resumption does the rest', async () => {
  const running = await stoppedInTheMiddle();
  await until('it says so', () => running.said.stderr.includes('PostgreSQL is away'));
  running.child.kill('SIGINT');
  const { code, stderr } = await running.ended;
  expect(stderr).toMatch(/\nerror: PostgreSQL cannot be used: [^\n]+\n$/);
  expect(stderr).not.toMatch(/\n +at /);
  expect(code).toBe(1);
  await startAgain();
  const list = await project.run('rollout', 'list', '--json');
  const [rollout] = JSON.parse(list.stdout) as { id: number; status: string }[];
  expect(rollout).toMatchObject({ status: 'interrupted', total: 100 });
  const { rows } = await admin.query("select from tenantry.tenant_schema where head = '000002-more'");
  expect(rows).toHaveLength(tenants.length / 2);
  expect(await project.run('rollout', 'resume', String(rollout?.id))).toMatchObject({ code: 0 });
  await requireOnce();
});
