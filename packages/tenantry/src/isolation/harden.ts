import type pg from 'pg';

/** What is open, as the SQL that closes it, and whether this owner may run that. Grants first: without them nothing could serve. */
const stillOpen = `
  select sql, pg_has_role(current_user, owner, 'usage') as may from (
    select 0, format('grant execute on function pg_catalog.%s to %I', p.oid::regprocedure, r.rolname), proowner
      from pg_proc p, pg_roles r
     where p.oid = 'pg_catalog.set_config(text,text,boolean)'::regprocedure and r.rolname in ($1, current_user)
       and not exists (select from aclexplode(proacl) a where a.grantee = r.oid) and not rolsuper
    union all
    select 1, format('revoke execute on function pg_catalog.%s from public', p.oid::regprocedure), proowner
      from pg_proc p, aclexplode(coalesce(proacl, acldefault('f', proowner))) a
     where pronamespace = 'pg_catalog'::regnamespace and proname in ('set_config', 'lo_creat', 'lo_create', 'lo_from_bytea') and a.grantee = 0
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

/** Something that is open to PUBLIC. */
export interface Opening {
  /** Closes it. */
  readonly sql: string;
  /** Whether this owner may run that. */
  readonly may: boolean;
}

/** What {@link harden} would close, in order; it changes nothing. */
export async function readOpenings(owner: Pick<pg.ClientBase, 'query'>, serviceRole: string): Promise<Opening[]> {
  return (await owner.query<Opening>(stillOpen, [serviceRole])).rows;
}

/**
 * Takes from PUBLIC what one injected statement would need to leave its scope, or to leave something behind outside it:
 * `set_config` and `do` switch the role inside a single statement, a temporary table stays on the pooled connection, a
 * large object belongs to no schema.
 *
 * @param owner - A connection of the owner role.
 * @returns What this owner may not do, as SQL for somebody who may, in order; empty when all is closed.
 */
export async function harden(owner: pg.ClientBase, serviceRole: string): Promise<readonly string[]> {
  const openings = await readOpenings(owner, serviceRole);
  for (const { sql } of openings.filter(({ may }) => may)) await owner.query(sql);
  return openings.filter(({ may }) => !may).map(({ sql }) => sql);
}
