import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { TenancyError } from '../errors/tenancy-error.js';
import { one } from '../postgres/one.js';
import type { Querier } from '../postgres/querier.js';
import { quoteIdentifier, quoteLiteral } from '../postgres/quote.js';

/** A login that PostgreSQL lets do nothing but serve. */
export interface ServiceLogin {
  readonly role: string;
  readonly password: string;
  /** Whether this call made the role. */
  readonly created: boolean;
}

/**
 * Makes the login that serves, where only the owner's URL was given, or finds the one that another process made. Its
 * password is kept in a catalog table that only the owner may read: whoever can read it can do more than it may.
 *
 * @param owner - A connection of the owner role, in the transaction that holds the catalog's lock.
 * @throws TenancyError `TENANCY_SERVICE_ROLE_UNFIT` when the owner may not make roles.
 */
export async function ensureServiceLogin(owner: pg.ClientBase, database: string): Promise<ServiceLogin> {
  const role = loginNameFor(database);
  const { rows } = await owner.query<{ password: string | null; there: boolean; may: boolean; current: string }>(
    `select (select password from tenantry.service_login where role_name = $1) as password, current_user as current,
            exists (select from pg_roles where rolname = $1) as there,
            (select rolsuper or rolcreaterole from pg_roles where rolname = current_user) as may`,
    [role],
  );
  const facts = one(rows, 'select … from tenantry.service_login');
  if (facts.there && facts.password) return { role, password: facts.password, created: false };
  if (!facts.may) throw mayNotCreate(facts.current);
  const password = randomBytes(24).toString('base64url');
  await owner.query(
    `${facts.there ? 'alter' : 'create'} role ${quoteIdentifier(role)} login noinherit password ${quoteLiteral(password)}`,
  );
  await owner.query(
    'insert into tenantry.service_login values ($1, $2) on conflict (role_name) do update set password = excluded.password',
    [role, password],
  );
  return { role, password, created: !facts.there };
}

/** The login that was made to serve, where this role may read its password: only the owner may. */
export async function readServiceLogin(client: Querier): Promise<Pick<ServiceLogin, 'role' | 'password'> | undefined> {
  const { rows } = await client.query<{ may: boolean }>(
    "select has_table_privilege('tenantry.service_login', 'select') as may",
  );
  if (!one(rows, 'select has_table_privilege(…)').may) return undefined;
  const logins = await client.query<{ role: string; password: string }>(
    'select role_name as role, password from tenantry.service_login order by role_name',
  );
  return logins.rows[0];
}

/** Roles are shared by all databases of a server, so the name carries the database's. Cut at 63 bytes as an identifier. */
function loginNameFor(database: string): string {
  return Buffer.from(`tenantry_${database}`).subarray(0, 63).toString();
}

function mayNotCreate(role: string): TenancyError {
  return new TenancyError('TENANCY_SERVICE_ROLE_UNFIT', {
    role,
    reason: 'is the only login and may not create roles',
    remedy:
      'Grant it CREATEROLE, or set DATABASE_OWNER_URL, or choose `isolation: "schema"`, which keeps tenants apart by name only.',
  });
}
