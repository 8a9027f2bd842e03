/**
 * SQL: whether a membership of a tenant role, a row `m` of `pg_auth_members`, is one that Tenantry grants to nobody: not to the
 * login that serves, and not to an owner. Roles belong to the server, and two databases may have a tenant of the same id: who
 * has rights in another database where that role has some too serves there. A superuser needs no membership.
 *
 * @param login - SQL for the oid of the login that serves, or null.
 * @param owners - SQL for the oids of owners.
 */
export function isStrangeMember(login: string, owners: readonly string[]): string {
  return `(m.member is distinct from ${login} and m.member not in (${owners.join(', ')})
    and not (select rolsuper from pg_catalog.pg_roles where oid = m.member)
    and not exists (select from pg_catalog.pg_shdepend theirs join pg_catalog.pg_shdepend its using (dbid, refclassid)
                     where refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass and theirs.refobjid = m.member and its.refobjid = m.roleid
                       and dbid not in (0, (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database()))))`;
}
