import { AsyncLocalStorage } from 'node:async_hooks';
import { MikroORM } from '@mikro-orm/postgresql';
import pg from 'pg';
import type { ScopedPool } from '../../../src/isolation/scoped-pool.js';
import { scopedDialect } from '../../../src/orms/mikro-orm/scoped-dialect.js';
import { Entry } from './entry.js';
import { openGateWorld, type WorldOptions } from './gate-world.js';
import type { World } from './world.js';

/** How a plain pool tells tenants apart. */
export interface PlainWorldOptions extends WorldOptions {
  /** Statements sent through the pool whenever a tenant's code begins: the way that other tools leak. */
  readonly session?: (schema: string) => readonly string[];
  /** Settings of every connection, for one tenant that has the pool to itself. */
  readonly startup?: (schema: string) => string;
}

/** The same tenants without the gate: a stock pool, as whoever writes his own tenancy uses it. */
export async function openPlainWorld({ session, startup, ...options }: PlainWorldOptions): Promise<World> {
  const gate = await openGateWorld(options);
  // Without the gate, who looks at a connection may be a tenant.
  await gate.admin.query('grant execute on function pg_prepared_statement() to public');
  const { tenants, connections } = options;
  const [first = ''] = tenants;
  const config = { ...gate.pool.options, Client: pg.Client, max: connections } as pg.PoolConfig;
  const open = async () => {
    const made = new pg.Pool({ ...config, ...(startup && { options: startup(gate.schemaOf(first)) }) });
    made.on('error', () => undefined);
    made.on('connect', (client) => client.on('error', () => undefined));
    // The one thing that everybody's pool has to do, and a stock one does not.
    if (startup) made.on('release', (_error, client) => discardUnlessIdle(client));
    return made;
  };
  let pool = await open();
  const scope = new AsyncLocalStorage<string>();
  let orm = await openOrm(() => pool);
  return {
    ...gate,
    get pool() {
      return pool;
    },
    limit: startup ? gate.limit : undefined,
    em: () => orm.em.fork({ schema: scope.getStore() ?? '' }),
    as: (tenant, fn) =>
      scope.run(gate.schemaOf(tenant), async () => {
        for (const text of session?.(gate.schemaOf(tenant)) ?? []) await pool.query(text).catch(() => undefined);
        return fn();
      }),
    async renew() {
      void pool.end().catch(() => undefined);
      await gate.renew();
      pool = await open();
      orm = await openOrm(() => pool);
    },
    async close() {
      void pool.end().catch(() => undefined);
      await gate.close();
    },
  };
}

interface Internals {
  readonly _txStatus: string | null;
  readonly readyForQuery: boolean;
  readonly _queryQueue: readonly unknown[];
  _queryable: boolean;
}

function discardUnlessIdle(client: pg.PoolClient): void {
  const internals = client as unknown as Internals;
  const { _txStatus, readyForQuery, _queryQueue } = internals;
  if (_txStatus !== 'I' || !readyForQuery || _queryQueue.length > 0) internals._queryable = false;
}

async function openOrm(pool: () => pg.Pool): Promise<MikroORM> {
  return MikroORM.init({
    dbName: 'soak',
    entities: [Entry],
    allowGlobalContext: true,
    // Its driver gives every connection back, which stock Kysely does not where a begin fails. It is no part of the gate.
    driverOptions: () => scopedDialect(pool() as ScopedPool),
  });
}
