import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Migration } from '@mikro-orm/migrations';
import { type LocalPostgres, startLocalPostgres } from '@tenantry/host/local-postgres';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RolloutEvent } from '../../packages/tenantry/src/fleet/rollout-event.js';
import type { MigrationList } from '../../packages/tenantry/src/migrations/tenant-migration.js';
import { Tenancy } from '../../packages/tenantry/src/tenancy.js';
import { migrationOf } from '../support/migration-of.js';
import { until } from '../support/until.js';

class Coded extends Migration {
  override async up(): Promise<void> {
    this.addSql('alter table item add column code text');
    await this.execute('update item set code = name');
  }
}
class Concurrent extends Migration {
  override up(): void {
    this.addSql('create index concurrently item_code on item (code)');
  }

  override isTransactional(): boolean {
    return false;
  }
}

const first: MigrationList = {
  '000001-item': migrationOf('create table item (id int primary key, name text)', "insert into item values (1, 'one')"),
};
const mixed: MigrationList = {
  ...first,
  '000002-sql': migrationOf('alter table item add column a int'),
  '000003-code': Coded,
  '000004-index': Concurrent,
};
const settings = { fsync: 'off', max_connections: '40' };
const count = 20;

let dataDir: string;
let server: LocalPostgres;
let admin: pg.Pool;
beforeAll(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'tenantry-kinds-restart-'));
  await chmod(dataDir, 0o711);
  server = await startLocalPostgres({ dataDir, settings });
  admin = new pg.Pool({ connectionString: server.url, max: 3 });
  admin.on('error', () => undefined);
}, 60_000);
afterAll(async () => {
  await admin.end();
  await server.stop();
  await rm(dataDir, { recursive: true, force: true });
});

const start = (migrations: MigrationList) =>
  Tenancy.start({
    url: server.url,
    service: 'shop',
    migrations,
    listenUrl: false,
    ownerConnections: 5,
    connections: 9,
    reconcile: { automatic: false },
  });

it('says done when all are at the target, and only then, though PostgreSQL restarts while indexes are built', async () => {
  const before = await start(first);
  await admin.query("insert into tenantry.tenant (id, name) select 't' || n, 't' from generate_series(1, $1::int) n", [
    count,
  ]);
  await before.reconcile();
  await before.stop();
  const tenancy = await start(mixed);
  try {
    // Every index waits for it, at its last step.
    const old = await admin.connect();
    await old.query('begin isolation level repeatable read');
    await old.query('select 1');
    old.on('error', () => undefined);
    const rollout = tenancy.fleet.migrate({ concurrency: 3 });
    const types: RolloutEvent['type'][] = [];
    const following = (async () => {
      for await (const { type } of rollout) types.push(type);
    })();
    await until('indexes are being built', async () => {
      const { rows } = await admin.query(
        "select from pg_index where not indisvalid and indexrelid::regclass::text like '%item_code'",
      );
      return rows.length >= 3;
    });
    await server.stop();
    old.release(true);
    server = await startLocalPostgres({ dataDir, settings });
    await following;
    expect(types).toContain('away');
    const outcome = await rollout.outcome;
    expect(outcome).toMatchObject({ status: 'done', total: count, done: count, failed: 0 });
    const { rows } = await admin.query(
      `select (select count(*)::int from tenantry.tenant_schema where head = '000004-index') as heads,
              (select count(*)::int from tenantry.ledger where migration = '000004-index') as ledger,
              (select count(*)::int from pg_index where indexrelid::regclass::text like '%item_code' and indisvalid) as valid,
              (select count(*)::int from pg_index where not indisvalid) as invalid`,
    );
    expect(rows).toEqual([{ heads: count, ledger: count, valid: count, invalid: 0 }]);
    expect(await tenancy.fleet.rollout(outcome.id ?? 0)).toMatchObject({ status: 'done', done: count });
  } finally {
    await tenancy.stop();
  }
}, 120_000);
