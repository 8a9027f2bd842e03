import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { inject } from 'vitest';

/** The database that every test's database is a copy of. */
export const templateDatabase = 'tenantry_template';

/** The same server and login, another database. */
export function databaseUrl(serverUrl: string, database: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return url.href;
}

/** A database of one test file's own. */
export interface TestDatabase {
  readonly name: string;
  /** Of a superuser. */
  readonly url: string;
  /** A superuser's connection, past the gate: to arrange, and to look at what is really there. */
  readonly admin: pg.Pool;
  /** Drops the database and every role that came with it, and fails when somebody is still connected. */
  drop(): Promise<void>;
}

/** Copies the template. Call it in `beforeAll`, and `drop()` in `afterAll`. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const serverUrl = inject('serverUrl');
  const name = `tenantry_test_${randomBytes(6).toString('hex')}`;
  await onServer(serverUrl, (server) => server.query(`create database ${name} template ${templateDatabase}`));
  const url = databaseUrl(serverUrl, name);
  const admin = new pg.Pool({ connectionString: url, max: 4 });
  admin.on('error', () => undefined);
  return { name, url, admin, drop: () => dropTestDatabase(serverUrl, name, admin) };
}

async function dropTestDatabase(serverUrl: string, name: string, admin: pg.Pool): Promise<void> {
  const { rows } = await admin.query<{ role: string }>(
    `select role_name as role from tenantry.tenant_schema where role_name = schema_name
      union select role_name from tenantry.service_login
      union select rolname from pg_namespace, aclexplode(nspacl) join pg_roles on pg_roles.oid = grantee
             where nspname = 'tenantry' and rolname like '%.catalog'`,
  );
  await admin.end();
  await onServer(serverUrl, async (server) => {
    const left = await leftOpen(server, name);
    // One file at a time, until the connection ends: two that drop roles with a common membership meet in one catalog row.
    await server.query('select pg_advisory_lock(1)');
    await takeMemberships(server, name);
    await server.query(`drop database ${name} with (force)`);
    for (const { role } of rows)
      await server.query(`drop role if exists ${pg.escapeIdentifier(role)}`).catch(allowShared);
    await server.query(`drop role if exists ${pg.escapeIdentifier(`tenantry_${name}`)}`);
    if (left.length > 0) throw new Error(`Connections were left open: ${JSON.stringify(left)}`);
  });
}

/**
 * Takes from the logins of a database the tenants' roles that they may switch to. Another test's database may have tenants of
 * the same ids, and would find strangers in their roles between the end of this database and that of its logins.
 */
async function takeMemberships(server: pg.Client, name: string): Promise<void> {
  const { rows } = await server.query<{ sql: string }>(
    `select format('revoke %s from %s %s cascade', m.roleid::regrole, m.member::regrole,
                   case when current_setting('server_version_num')::int >= 160000 then 'granted by ' || m.grantor::regrole end) as sql
       from pg_auth_members m join pg_roles r on r.oid = m.roleid
      where r.rolname !~ '^pg_' and m.member in (
        select refobjid from pg_shdepend where refclassid = 'pg_authid'::regclass
           and dbid = (select oid from pg_database where datname = $1))
      order by 1`,
    [name],
  );
  for (const { sql } of rows) await server.query(sql);
}

/** The connections that are still open. A backend whose client has closed its socket needs a moment to be gone. */
async function leftOpen(server: pg.Client, name: string): Promise<unknown[]> {
  for (let attempt = 1; ; attempt++) {
    const { rows } = await server.query(
      `select application_name, query from pg_stat_activity where datname = $1 and backend_type = 'client backend' and query <> 'terminated'`,
      [name],
    );
    if (rows.length === 0 || attempt === 40) return rows;
    await sleep(50);
  }
}

/** Roles belong to the server: another test's database may have a tenant of the same id, and drops the role after us. */
function allowShared(error: { code?: string }): void {
  // 2BP01, dependent_objects_still_exist.
  if (error.code !== '2BP01') throw error;
}

async function onServer<T>(serverUrl: string, fn: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  try {
    return await fn(client);
  } finally {
    await client.end();
  }
}
