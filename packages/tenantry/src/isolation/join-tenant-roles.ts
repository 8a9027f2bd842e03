import type pg from 'pg';
import { inLockedTransaction } from '../postgres/in-locked-transaction.js';
import { lockNames } from '../postgres/lock-names.js';
import { quoteIdentifier } from '../postgres/quote.js';
import { sqlstate, sqlstateOf } from '../postgres/sqlstate.js';

/** Each role takes a place in the server's lock table until the transaction ends. */
const rolesAtOnce = 500;

/** Tenant roles of a service that the owner may give to itself and has not yet; a superuser needs none. */
const missing = `
  select x.role_name as role, v.version
    from tenantry.tenant_schema x join pg_roles r on r.rolname = x.role_name::name,
         (select oid, rolsuper, rolcreaterole, current_setting('server_version_num')::int as version from pg_roles where rolname = current_user) v
   where x.service = $1 and x.role_name = x.schema_name and not v.rolsuper
     and not exists (select from pg_auth_members m where m.roleid = r.oid and m.member = v.oid
                        and (v.version < 160000 or (to_jsonb(m) ->> 'set_option')::bool or m.grantor = v.oid))
     and (case when v.version < 160000 then v.rolcreaterole
               else exists (select from pg_auth_members m where m.roleid = r.oid and m.member = v.oid and m.admin_option) end)
   order by 1 limit ${rolesAtOnce}`;

/** What PostgreSQL says when a tenant is erased or renamed at that moment. */
const clashes: readonly (string | undefined)[] = [sqlstate.undefinedObject, sqlstate.internalError];

/**
 * Lets the owner role switch to the tenant roles of a service whose migrations run code, all at once: as {@link joinTenantRole}
 * does, but what each change of a membership costs the server is paid for hundreds of tenants together.
 *
 * @param owner - A connection of the owner role, outside a transaction.
 */
export async function joinTenantRoles(owner: pg.ClientBase, service: string): Promise<void> {
  for (let joined = rolesAtOnce; joined === rolesAtOnce;)
    joined = await inLockedTransaction(owner, lockNames.service(service), async () => {
      const { rows } = await owner.query<{ role: string; version: number }>(missing, [service]);
      const [first] = rows;
      if (!first) return 0;
      const terms = first.version < 160_000 ? '' : ' with inherit false, set true';
      const roles = rows.map(({ role }) => quoteIdentifier(role)).join(', ');
      await owner.query(`grant ${roles} to current_user${terms}`);
      return rows.length;
    }).catch((error: unknown) => {
      // Then each of them is joined alone, when it is migrated.
      if (clashes.includes(sqlstateOf(error))) return 0;
      throw error;
    });
}
