import type { Statement } from '../postgres/one-flight.js';
import type { ActualSchema } from './provision-plan.js';

/** What is there of one tenant's schema, and whether the tenant itself is. */
export interface FoundSchema extends ActualSchema {
  /** The tenant is in the catalog, and not deleted. */
  readonly active: boolean;
}

const look = `
  select exists (select from tenantry.tenant where id = $2 and status <> 'deleted') as active,
         (select service_role from tenantry.tenant_schema where schema_name = $1) as "grantedTo",
         exists (select from pg_namespace where nspname = $1) as "schemaExists",
         exists (select from pg_roles where rolname = $1) as "roleExists",
         exists (select from tenantry.tenant_schema x join pg_namespace n on n.nspname = x.schema_name::name join pg_roles r on r.rolname = x.role_name::name
                  where x.schema_name = $1
                    and exists (select from aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a where a.grantee = r.oid and a.privilege_type = 'USAGE')) as usable,
         exists (select from tenantry.tenant_schema x join pg_roles r on r.rolname = x.role_name::name join pg_roles l on l.rolname = x.service_role::name
                  where x.schema_name = $1 and (x.role_name <> x.schema_name or exists (
                    select from pg_auth_members m where m.roleid = r.oid and m.member = l.oid and coalesce((to_jsonb(m) ->> 'set_option')::bool, true)))) as granted,
         exists (select from pg_roles r where rolname = $1
                   and (rolcanlogin or rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls
                        or exists (select from pg_auth_members where member = r.oid)
                        or exists (select from pg_shdepend where refclassid = 'pg_authid'::regclass and refobjid = r.oid
                                     and dbid = (select oid from pg_database where datname = current_database())))) as "roleIsForeign",
         coalesce((select json_agg(json_build_object('migration', migration, 'checksum', checksum))
                     from tenantry.ledger where schema_name = $1), '[]') as ledger`;

/** The query for a {@link FoundSchema}; ask it under the schema's lock. Pure. */
export function lookAtSchema(schema: string, tenant: string): Statement {
  return { text: look, values: [schema, tenant] };
}
