import type pg from 'pg';
import type { Querier } from '../postgres/querier.js';
import { catalogRoleOf } from './catalog-role.js';

/**
 * Functions of `pg_catalog` with which one select leaves its scope, or leaves something behind after its transaction, by
 * family. `set_config` switches the role. Locks of a session stay on the pooled connection, and its next users hold them; what
 * lets them go harms nobody. `pg_lock_status` is `pg_locks`, which shows the keys of our own locks to whoever could then take
 * them. A large object belongs to no schema. A seed makes what `random()` answers to the next user foreseeable. A message in
 * the log is written although the transaction is rolled back, and nothing in it says whose it is. `pg_prepared_statement` is the view
 * that shows the name of the statement which enters scopes: whoever knows it could prepare another under it.
 */
const families: Readonly<Record<string, readonly string[]>> = {
  setting: ['set_config'],
  'session lock': [
    'pg_advisory_lock',
    'pg_advisory_lock_shared',
    'pg_try_advisory_lock',
    'pg_try_advisory_lock_shared',
  ],
  'lock status': ['pg_lock_status'],
  'large object': ['lo_creat', 'lo_create', 'lo_from_bytea'],
  seed: ['setseed'],
  message: ['pg_logical_emit_message'],
  'prepared statement': ['pg_prepared_statement'],
};

const shut = Object.entries(families).flatMap(([family, names]) => names.map((name) => `('${family}', '${name}')`));

/** These functions, as the common table expression `shut`. */
export const shutFunctions = `
  shut (family, function, name, owner, acl) as materialized (
    select family, p.oid, 'pg_catalog.' || p.oid::regprocedure, proowner, coalesce(proacl, acldefault('f', proowner))
      from (values ${shut.join(', ')}) as named (family, proname) join pg_proc p using (proname)
     where pronamespace = 'pg_catalog'::regnamespace)`;

/**
 * What is still open, as the SQL that closes it, and whether this owner may run that. Grants come first, because
 * without them the processes that serve could not.
 */
const stillOpen = `
  with ${shutFunctions}, kept (family, role) as (
    values ('setting', $1), ('setting', current_user), ('prepared statement', $1), ('session lock', current_user), ('lock status', current_user), ('lock status', 'pg_monitor'))
  select sql, pg_has_role(current_user, owner, 'usage') as may from (
    select 0, format('grant execute on function %s to %I', string_agg(distinct name, ', '), rolname), min(owner)
      from shut join kept using (family) join pg_roles r on rolname = role
     where not exists (select from aclexplode(acl) a where a.grantee = r.oid) and not rolsuper
     group by family, rolname
    union all
    select 1, format('revoke execute on function %s from public', string_agg(name, ', ' order by name)), min(owner)
      from shut where exists (select from aclexplode(acl) a where a.grantee = 0)
     group by family
    union all
    select 2, format('revoke usage on language %I from public', lanname), lanowner
      from pg_language, aclexplode(coalesce(lanacl, acldefault('l', lanowner))) a
     where lanpltrusted and lanname <> 'sql' and a.grantee = 0
    union all
    select 3, format('revoke temporary on database %I from public', datname), datdba
      from pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba))) a
     where datname = current_database() and a.grantee = 0 and a.privilege_type = 'TEMPORARY'
    union all
    select 4, 'revoke create on schema public from public', nspowner
      from pg_namespace, aclexplode(coalesce(nspacl, acldefault('n', nspowner))) a
     where nspname = 'public' and a.grantee = 0 and a.privilege_type = 'CREATE'
  ) as open (position, sql, owner) order by position, sql`;

/** What a role that serves may call again, although it was taken from everybody. */
export interface GivenBack {
  readonly role: string;
  readonly functions: string;
}

const givenBack = `
  with ${shutFunctions}
  select rolname as role, string_agg(distinct name, ', ' order by name) as functions
    from shut, aclexplode(acl) a join pg_roles r on r.oid = a.grantee
   where not (rolname = $1 and family in ('setting', 'prepared statement'))
     and (rolname in ($1, $2) or exists (select from tenantry.tenant_schema where role_name = rolname::text collate "default" and role_name = schema_name))
   group by rolname order by rolname limit 20`;

/** What roles that serve were given back by somebody: the login, its catalog role, and tenants. */
export async function readGivenBack(client: Querier, serviceRole: string): Promise<readonly GivenBack[]> {
  return (await client.query<GivenBack>(givenBack, [serviceRole, catalogRoleOf(serviceRole)])).rows;
}

/** Something that is open to PUBLIC. */
export interface Opening {
  /** Closes it. */
  readonly sql: string;
  /** Whether this owner may run that. */
  readonly may: boolean;
}

/** What {@link harden} would close, in order; it changes nothing. */
export async function readOpenings(owner: Querier, serviceRole: string): Promise<Opening[]> {
  return (await owner.query<Opening>(stillOpen, [serviceRole])).rows;
}

/**
 * Takes from PUBLIC what one injected statement would need to leave its scope, or to leave something behind outside it:
 * certain functions; `do`, which switches the role inside a single statement; a temporary table, which stays on the pooled
 * connection.
 *
 * @param owner - A connection of the owner role.
 * @returns What this owner may not do, as SQL for somebody who may, in order; empty when all is closed.
 */
export async function harden(owner: pg.ClientBase, serviceRole: string): Promise<readonly string[]> {
  const openings = await readOpenings(owner, serviceRole);
  for (const { sql } of openings.filter(({ may }) => may)) await owner.query(sql);
  return openings.filter(({ may }) => !may).map(({ sql }) => sql);
}
