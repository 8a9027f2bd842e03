import { servesElsewhere } from './serves-elsewhere.js';

/**
 * SQL: whether a membership of a tenant role, a row `m` of `pg_auth_members`, is one that Tenantry grants to nobody: not to the
 * login that serves, in whatever database, and not to an owner. A superuser needs no membership.
 *
 * @param login - SQL for the oid of the login that serves, or null.
 * @param owners - SQL for the oids of owners.
 */
export function isStrangeMember(login: string, owners: readonly string[]): string {
  return `(m.member is distinct from ${login} and m.member not in (${owners.join(', ')})
    and not (select rolsuper from pg_catalog.pg_roles where oid = m.member)
    and not ${servesElsewhere('m.member', 'm.roleid')})`;
}
