import pg from 'pg';
import type { Shop } from '../../../../../test/support/shop.js';
import { catalogRoleOf } from '../../../src/isolation/catalog-role.js';
import { WireQueryBase } from '../../../src/isolation/pg-internals.js';
import type { GateOptions } from '../../../src/isolation/scope-settings.js';
import { gateOf } from '../../../src/isolation/scoped-client.js';
import { ScopedPool, type ScopedPoolConfig } from '../../../src/isolation/scoped-pool.js';

/** What is needed of a shop: its database. */
export interface ShopDatabase {
  readonly database: Pick<Shop['database'], 'url' | 'admin'>;
}

/** URL of the login that the shop serves with. */
export async function serviceUrl({ database }: ShopDatabase): Promise<string> {
  const { rows } = await database.admin.query<{ role: string; password: string }>(
    'select role_name as role, password from tenantry.service_login',
  );
  const url = new URL(database.url);
  url.username = rows[0]?.role ?? '';
  url.password = rows[0]?.password ?? '';
  return url.href;
}

/** A pool of the shop's login, through the gate, without the rest of a process. */
export async function scopedPool(
  shop: ShopDatabase,
  config: Partial<ScopedPoolConfig> = {},
  gate: Partial<GateOptions> = {},
): Promise<ScopedPool> {
  const connectionString = await serviceUrl(shop);
  return new ScopedPool({
    connectionString,
    max: 1,
    connectionTimeoutMillis: 5000,
    gate: {
      isolation: 'role',
      catalogRole: catalogRoleOf(new URL(connectionString).username),
      sharedSchemas: [],
      statementTimeoutMs: 10_000,
      idleTransactionTimeoutMs: 10_000,
      transactionPooler: false,
      ...gate,
    },
    ...config,
  });
}

/** A pool of the same login without the gate, for twins. */
export async function plainPool(shop: Shop, config: pg.PoolConfig = {}): Promise<pg.Pool> {
  const pool = new pg.Pool({
    connectionString: await serviceUrl(shop),
    max: 1,
    connectionTimeoutMillis: 5000,
    ...config,
  });
  pool.on('error', () => undefined);
  return pool;
}

/** What a connection keeps between two statements. */
export interface Settings {
  readonly user: string;
  readonly role: string;
  readonly path: string;
  readonly timeout: string;
  readonly idleTimeout: string;
  /** Whatever a `SET` of any name has left, but for what PgBouncer sets by itself and a transaction's modes, of which the next has its own. */
  readonly left: readonly string[];
  readonly idle: boolean;
}

/** Sends a statement as a client without the gate would: on the wire it passes for one of the gate's own. */
export function pastTheGate<T extends pg.QueryResultRow>(
  client: pg.ClientBase,
  text: string,
): Promise<pg.QueryResult<T>> {
  const gate = gateOf(client as { connection?: object });
  if (!gate) return client.query<T>(text);
  return new Promise((resolve, reject) => {
    const query = new WireQueryBase({ text }, undefined, (error: Error | null, result: pg.QueryResult<T>) =>
      error ? reject(error) : resolve(result),
    );
    const submit = query.submit.bind(query);
    query.submit = (connection) => gate.turn(text, () => gate.ours(() => submit(connection))) ?? null;
    const send = pg.Client.prototype.query.bind(client) as (query: unknown) => void;
    send(query);
  });
}

/** What PgBouncer keeps for each of its clients. */
const tracked = 'client_encoding|datestyle|timezone|intervalstyle|standard_conforming_strings|application_name';

/** Looks at a connection past the gate. */
export async function settingsOf(client: pg.ClientBase): Promise<Settings> {
  const { rows } = await pastTheGate<Omit<Settings, 'idle'>>(
    client,
    `select current_user::text as user, current_setting('role') as role,
    current_setting('search_path') as path, current_setting('statement_timeout') as timeout,
    current_setting('idle_in_transaction_session_timeout') as "idleTimeout",
    array(select name || '=' || setting from pg_settings where source = 'session' and name !~* '^(${tracked}|transaction_.*)$' order by 1) as left`,
  );
  const [row] = rows;
  if (!row) throw new Error('No settings');
  return { ...row, idle: (client as unknown as pg.Client).getTransactionStatus() === 'I' };
}
