import type pg from 'pg';
import { readGivenBack, readOpenings } from '../isolation/harden.js';
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

interface FlawedRow {
  readonly reachedCount: number;
  readonly reachedExample: string | null;
  readonly publicisedCount: number;
  readonly publicisedExample: string | null;
}

/** Reads who may do what, of a service role: five queries for any number of tenants. */
export async function readRights(client: Pick<pg.ClientBase, 'query'>, serviceRole: string): Promise<RightsFacts> {
  const { rows } = await client.query<FlawedRow>(flawed, [serviceRole]);
  const paths = await client.query<RightsFacts['searchPaths'][number]>(searchPaths, [serviceRole]);
  const openings = await readOpenings(client, serviceRole);
  const none: Flawed = { count: 0, example: null };
  const [row] = rows;
  return {
    reached: row ? { count: row.reachedCount, example: row.reachedExample } : none,
    publicised: row ? { count: row.publicisedCount, example: row.publicisedExample } : none,
    searchPaths: paths.rows,
    openings: openings.map(({ sql }) => sql),
    givenBack: await readGivenBack(client, serviceRole),
  };
}
