/**
 * SQL: whether a login serves the tenant of a role in another database too. Roles belong to the server, and two databases may
 * have a tenant of the same id: who has rights in another database where that role has some too serves there.
 *
 * @param login - SQL for the oid of the login.
 * @param role - SQL for the oid of the tenant's role.
 */
export function servesElsewhere(login: string, role: string): string {
  return `exists (select from pg_catalog.pg_shdepend theirs join pg_catalog.pg_shdepend its using (dbid, refclassid)
                   where refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass and theirs.refobjid = ${login} and its.refobjid = ${role}
                     and dbid not in (0, (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())))`;
}
