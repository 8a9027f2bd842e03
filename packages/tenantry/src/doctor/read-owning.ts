import type { Querier } from '../postgres/querier.js';
import type { OwningFacts } from './doctor-facts.js';

const owning = `
  select current_user::text as role, me.rolsuper or me.rolcreaterole as "makesRoles",
         has_database_privilege(current_database(), 'create') as "makesSchemas", each.*
    from (select *, current_setting('server_version_num')::int as version from pg_catalog.pg_roles where rolname = current_user) me,
    lateral (
      select count(*) filter (where kept_out)::int as "keptOutCount", min(schema) filter (where kept_out) as "keptOutExample",
             count(*) filter (where not owned)::int as "foreignCount", min(schema) filter (where not owned) as "foreignExample"
        from (
          select x.schema_name as schema, pg_has_role(n.nspowner, 'usage') as owned,
                 r.oid is not null and not me.rolsuper
                 -- From 16 it takes the admin option of this very role; the look-up by pg_has_role would go through all for each.
                 and case when me.version < 160000 then not me.rolcreaterole
                          else not exists (select from pg_catalog.pg_auth_members m
                                            where m.roleid = r.oid and (m.member = me.oid or pg_has_role(m.member, 'usage'))
                                              and (m.admin_option or (to_jsonb(m) ->> 'set_option')::bool)) end as kept_out
            from tenantry.tenant_schema x join pg_catalog.pg_namespace n on n.nspname = x.schema_name::name
            left join pg_catalog.pg_roles r on r.rolname = x.role_name::name and x.role_name = x.schema_name) tenants) each`;

interface OwningRow {
  readonly role: string;
  readonly makesRoles: boolean;
  readonly makesSchemas: boolean;
  readonly keptOutCount: number;
  readonly keptOutExample: string | null;
  readonly foreignCount: number;
  readonly foreignExample: string | null;
}

/** Reads whether the owner role that is connected can do its work: one query for any number of tenants. */
export async function readOwning(owner: Querier): Promise<OwningFacts | undefined> {
  const { rows } = await owner.query<OwningRow>(owning);
  const [row] = rows;
  if (!row) return undefined;
  const { role, makesRoles, makesSchemas } = row;
  return {
    role,
    makesRoles,
    makesSchemas,
    keptOut: { count: row.keptOutCount, example: row.keptOutExample },
    foreign: { count: row.foreignCount, example: row.foreignExample },
  };
}
