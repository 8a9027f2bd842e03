import { MikroORM } from '@mikro-orm/postgresql';
import pg from 'pg';
import type { Scope } from '../../../src/context/scope.js';
import { runInScope } from '../../../src/context/current-scope.js';
import { createSchema, grantSchema } from '../../../src/isolation/create-schema.js';
import type { ScopedPool } from '../../../src/isolation/scoped-pool.js';
import { ormOptions } from '../../../src/orms/mikro-orm/orm-options.js';
import { quoteIdentifier } from '../../../src/postgres/quote.js';
import { Tenancy } from '../../../src/tenancy.js';
import { scopedPool, serviceUrl } from '../support/pools.js';
import { Entry, EntryMigration } from './entry.js';
import { soakSchema } from './texts.js';
import type { World } from './world.js';

/** Milliseconds; every wait behind the gate ends by one of them. */
const limits = { statementTimeoutMs: 2000, idleTransactionTimeoutMs: 1500 };
const acquireTimeoutMs = 300;

/** What a world is made of. */
export interface WorldOptions {
  /** A superuser's URL of an empty database. */
  readonly url: string;
  readonly tenants: readonly string[];
  readonly connections: number;
}

/** Tenants behind the gate, on a pool of their own. */
export async function openGateWorld({ url, tenants, connections }: WorldOptions): Promise<World> {
  const admin = new pg.Pool({ connectionString: url, max: 4 });
  admin.on('error', () => undefined);
  const scopes = await signUp(url, tenants);
  const login = new URL(await serviceUrl({ database: { url, admin } })).username;
  const { rows } = await admin.query<{ version: number }>(
    "select current_setting('server_version_num')::int as version",
  );
  const grant = { isolation: 'role' as const, serviceRole: login, serverVersion: rows[0]?.version ?? 0 };
  const schemaOf = (tenant: string) => `${tenant}_soak`;
  const open = () => openPool(url, admin, connections);
  let { pool, orm } = await open();
  return {
    tenants,
    get pool() {
      return pool;
    },
    admin,
    login,
    limit: `${limits.statementTimeoutMs / 1000}s`,
    schemaOf,
    as: (tenant, fn) => runInScope(scopes.get(tenant) as Scope, fn),
    em: () => orm.em.fork(),
    revoke: (tenant) => [`revoke ${quoteIdentifier(schemaOf(tenant))} from ${quoteIdentifier(login)}`],
    grant: (tenant) => [...texts(grantSchema(grant, schemaOf(tenant)))],
    erase: (tenant) => [
      `drop schema ${quoteIdentifier(schemaOf(tenant))} cascade`,
      `drop role ${quoteIdentifier(schemaOf(tenant))}`,
    ],
    create: (tenant) => [
      ...texts(createSchema(grant, schemaOf(tenant), false)),
      `set local search_path to ${quoteIdentifier(schemaOf(tenant))}`,
      ...soakSchema,
    ],
    async renew() {
      await discard(pool, admin, login);
      ({ pool, orm } = await open());
    },
    async close() {
      await discard(pool, admin, login);
      await admin.end();
    },
  };
}

async function signUp(url: string, tenants: readonly string[]): Promise<ReadonlyMap<string, Scope>> {
  const tenancy = await Tenancy.start({
    url,
    service: 'soak',
    migrations: { '000001-entries': EntryMigration },
    reconcile: { automatic: false },
    listenUrl: false,
  });
  for (const id of tenants) await tenancy.catalog.create({ id, name: id });
  await tenancy.reconcile();
  const scopes = new Map<string, Scope>();
  for (const id of tenants) scopes.set(id, await tenancy.run(id, () => tenancy.require()));
  await tenancy.stop();
  return scopes;
}

async function openPool(url: string, admin: pg.Pool, max: number): Promise<{ pool: ScopedPool; orm: MikroORM }> {
  const pool = await scopedPool(
    { database: { url, admin } },
    { max, connectionTimeoutMillis: acquireTimeoutMs },
    limits,
  );
  const database = new URL(url).pathname.slice(1);
  return { pool, orm: await MikroORM.init(ormOptions(pool, database, { entities: [Entry] })) };
}

async function discard(pool: pg.Pool, admin: pg.Pool, login: string): Promise<void> {
  // Some may hang: whoever waits for them would too.
  void pool.end().catch(() => undefined);
  await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [login]);
}

function texts(statements: readonly { text: string }[]): string[] {
  return statements.map(({ text }) => text);
}
