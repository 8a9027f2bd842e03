import { readGivenBack, readOpenings } from '../isolation/harden.js';
import { isStrangeMember } from '../isolation/strange-members.js';
import type { IsolationMode } from '../isolation/scope-settings.js';
import { readUnfitSchemas } from '../isolation/shared-schemas.js';
import { one } from '../postgres/one.js';
import type { Querier } from '../postgres/querier.js';
import type { Flawed, RightsFacts } from './doctor-facts.js';

/** Names are looked up in pg_catalog only: information_schema would take minutes with many tenants. */
const flawed = `
  select count(*) filter (where reached)::int as "reachedCount", min(schema) filter (where reached) as "reachedExample",
         count(*) filter (where publicised)::int as "publicisedCount", min(schema) filter (where publicised) as "publicisedExample"
    from (
      select x.schema_name as schema,
             has_schema_privilege($1, n.oid, 'usage') as reached,
             exists (select from aclexplode(n.nspacl) a where a.grantee = 0) or n.oid in (
               select c.relnamespace from pg_catalog.pg_class c, aclexplode(c.relacl) a where a.grantee = 0) as publicised
        from tenantry.tenant_schema x join pg_catalog.pg_namespace n on n.nspname = x.schema_name::name) each`;

const searchPaths = `
  select case when setrole = 0 then 'database' else 'role' end as of, substring(setting from 13) as value
    from pg_catalog.pg_db_role_setting, unnest(setconfig) setting
   where setting like 'search\\_path=%' and substring(setting from 13) not in ('', '""')
     and setdatabase in (0, (select oid from pg_catalog.pg_database where datname = current_database()))
     and setrole in (0, (select oid from pg_catalog.pg_roles where rolname = $1))
   order by 1`;

/** Who is a member of a tenant's role, and what a tenant's role is a member of. */
const strangeMemberships = `
  select count(*)::int as count, min(membership) as example from (
    select distinct format('%I to %I', r.rolname, member.rolname) as membership
      from (select t.oid, n.nspowner, (select oid from pg_catalog.pg_roles where rolname = x.service_role::name) as login
              from tenantry.tenant_schema x join pg_catalog.pg_roles t on t.rolname = x.role_name::name
              join pg_catalog.pg_namespace n on n.nspname = x.schema_name::name where x.role_name = x.schema_name) t
      cross join lateral (
        select m.roleid, m.member from pg_catalog.pg_auth_members m
         where m.roleid = t.oid and ${isStrangeMember('t.login', ['t.nspowner', '(select oid from pg_catalog.pg_roles where rolname = current_user)'])}
        union all
        select m.roleid, m.member from pg_catalog.pg_auth_members m where m.member = t.oid) m
      join pg_catalog.pg_roles r on r.oid = m.roleid join pg_catalog.pg_roles member on member.oid = m.member) as each`;

interface FlawedRow {
  readonly reachedCount: number;
  readonly reachedExample: string | null;
  readonly publicisedCount: number;
  readonly publicisedExample: string | null;
}

/** Reads who may do what, of a service role: eight queries for any number of tenants. */
export async function readRights(client: Querier, serviceRole: string, isolation: IsolationMode): Promise<RightsFacts> {
  const { rows } = await client.query<FlawedRow>(flawed, [serviceRole]);
  const paths = await client.query<RightsFacts['searchPaths'][number]>(searchPaths, [serviceRole]);
  const memberships = await client.query<Flawed>(strangeMemberships);
  const shared = await client.query<{ schema: string }>(
    'select distinct unnest(shared_schemas) as schema from tenantry.service order by 1',
  );
  const schemas = shared.rows.map(({ schema }) => schema);
  const triggers = await client.query<{ name: string }>(
    "select format('%s (%s, %s)', evtname, evtevent, evtfoid::regproc) as name from pg_catalog.pg_event_trigger where evtenabled <> 'D' order by 1 limit 20",
  );
  const openings = await readOpenings(client, serviceRole);
  const row = one(rows, 'schemas that others may use');
  return {
    reached: { count: row.reachedCount, example: row.reachedExample },
    publicised: { count: row.publicisedCount, example: row.publicisedExample },
    memberships: one(memberships.rows, 'strange members of tenant roles'),
    unfitSchemas: await readUnfitSchemas(client, schemas, isolation === 'role' ? 'public' : serviceRole),
    eventTriggers: triggers.rows.map(({ name }) => name),
    searchPaths: paths.rows,
    openings: openings.map(({ sql }) => sql),
    givenBack: await readGivenBack(client, serviceRole),
  };
}
