import { ephemeralPostgres } from '@tenantry/host/local-postgres';
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { parseTenantId, Tenancy } from 'tenantry';
import type { FileSetting } from './file-setting.ts';

/** How a test file connects, and what it is told besides. */
export interface Side {
  /** Variables that `pg` reads. */
  readonly environment: Readonly<Record<string, string>>;
  readonly gate: FileSetting['gate'];
  /** Takes away what the former test file left in the schema. */
  clear(): Promise<void>;
}

/** A PostgreSQL for the suite, with two equals in it: a tenant, and a plain login with the same rights on a schema of its own. */
export interface Arena {
  readonly plain: Side;
  readonly gate: Side;
  readonly version: string;
  close(): Promise<void>;
}

type Login = { readonly user: string; readonly password: string };
type Admin = (fn: (client: pg.Client) => Promise<unknown>) => Promise<void>;

const tenant = parseTenantId('tester');
const plainRole = 'plain_tester';

/**
 * Starts an arena. A server serves one file at a time, because some of them end every idle session that they see; for
 * the same reason nobody of ours stays connected meanwhile.
 *
 * What the suite needs and a tenant may not do is given to both sides alike, so that only the gate differs: to make
 * tables in its schema, temporary tables and functions in PL/pgSQL, to see all sessions and to end them.
 */
export async function openArena(): Promise<Arena> {
  const server = await ephemeralPostgres();
  const admin: Admin = async (fn) => {
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    try {
      await fn(client);
    } finally {
      await client.end();
    }
  };
  try {
    const scope = await provision(server.url);
    const plain: Login = { user: plainRole, password: randomBytes(12).toString('hex') };
    let version = '';
    let login: Login | undefined;
    await admin(async (client) => {
      await makePlainSchema(client, plain);
      for (const role of [plainRole, scope.placement.schema]) await openForSuite(client, role);
      const { rows } = await client.query<Login & { version: string }>(
        "select role_name as user, password, current_setting('server_version') as version from tenantry.service_login",
      );
      [login] = rows;
      version = rows[0]?.version ?? '';
    });
    if (!login) throw new Error('No login was made to serve.');
    const side = (role: string, as: Login, gate: FileSetting['gate']): Side => ({
      environment: environmentFor(server.url, as),
      gate,
      clear: () => admin((client) => clear(client, role)),
    });
    return {
      plain: side(plainRole, plain, undefined),
      gate: side(scope.placement.schema, login, { scope, options: gateOptions(login.user) }),
      version,
      close: () => server.stop(),
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function provision(url: string) {
  const tenancy = await Tenancy.start({ url, service: 'suite', reconcile: { automatic: false } });
  try {
    await tenancy.catalog.create({ id: tenant, name: tenant });
    await tenancy.reconcile();
    return await tenancy.run(tenant, () => tenancy.require());
  } finally {
    await tenancy.stop();
  }
}

/** Without limits of its own: they are the gate's, and the suite sets its own. */
function gateOptions(user: string): NonNullable<FileSetting['gate']>['options'] {
  return {
    isolation: 'role',
    catalogRole: `${user}.catalog`,
    sharedSchemas: [],
    statementTimeoutMs: 0,
    idleTransactionTimeoutMs: 0,
    transactionPooler: false,
  };
}

async function makePlainSchema(client: pg.Client, { user, password }: Login): Promise<void> {
  await client.query(`create role ${user} login password '${password}'`);
  await client.query(`create schema ${user}`);
  await client.query(`alter role ${user} set search_path to ${user}, pg_temp`);
  await client.query(`grant usage on schema ${user} to ${user}`);
}

async function openForSuite(client: pg.Client, role: string): Promise<void> {
  await client.query(`grant create on schema ${role} to ${role}`);
  await client.query(`grant temporary on database postgres to ${role}`);
  await client.query(`grant usage on language plpgsql to ${role}`);
  await client.query(`grant pg_signal_backend, pg_read_all_stats to ${role}`);
}

async function clear(client: pg.Client, schema: string): Promise<void> {
  const { rows } = await client.query<{ sql: string }>(
    `select format('drop %s if exists %s cascade', case relkind when 'v' then 'view' when 'S' then 'sequence' else 'table' end, oid::regclass) as sql
       from pg_class where relnamespace = $1::regnamespace and relkind in ('r', 'p', 'v', 'S')
      union all
     select format('drop routine if exists %s cascade', oid::regprocedure) from pg_proc where pronamespace = $1::regnamespace
      union all
     select format('drop type if exists %s cascade', oid::regtype)
       from pg_type where typnamespace = $1::regnamespace and typtype in ('e', 'd')`,
    [schema],
  );
  for (const { sql } of rows) await client.query(sql);
}

function environmentFor(url: string, { user, password }: Login): Record<string, string> {
  const { hostname, port } = new URL(url);
  return { PGHOST: hostname, PGPORT: port, PGDATABASE: 'postgres', PGUSER: user, PGPASSWORD: password };
}
