import type pg from 'pg';
import type { ShippedService } from '../migrations/tenant-migration.js';
import type { ServiceName } from '../tenant/service-name.js';
import type { TenantId } from '../tenant/tenant-id.js';

/** A tenant and a service whose schema is missing, behind, or not yet given to the service's login. */
export interface Gap {
  readonly tenant: TenantId;
  readonly service: ServiceName;
}

/** Compares what should be with what is: one query over the whole fleet, at most `limit` gaps, after the gap `after`. */
export async function findBehind(owner: Pick<pg.Pool, 'query'>, limit: number, after?: Gap): Promise<Gap[]> {
  const { rows } = await owner.query<Gap>(
    `select t.id as tenant, s.name as service
       from tenantry.tenant t cross join tenantry.service s
       left join tenantry.tenant_schema x on x.tenant_id = t.id and x.service = s.name
      where (t.status = 'active' or t.status = 'suspended' and x.schema_name is not null)
        and (x.schema_name is null or x.head is distinct from s.head or x.service_role <> s.service_role)
        and (t.id, s.name) > ($2, $3)
      order by t.id, s.name limit $1`,
    [limit, after?.tenant ?? '', after?.service ?? ''],
  );
  return rows;
}

/** One service, as registered. */
export async function readService(owner: Pick<pg.Pool, 'query'>, service: ServiceName): Promise<ShippedService> {
  const { rows } = await owner.query<ShippedService>(
    `select service_role as "serviceRole", shared_schemas as "sharedSchemas",
            coalesce((select json_agg(json_build_object('name', name, 'kind', kind, 'checksum', checksum, 'statements', statements, 'down', down) order by position)
                        from tenantry.migration where service = s.name), '[]') as migrations
       from tenantry.service s where name = $1`,
    [service],
  );
  const [shipped] = rows;
  if (!shipped) throw new Error(`The catalog has no service "${service}" any more.`);
  return shipped;
}

/** How far one service is: of the tenants that should be served, how many are at its head. */
export interface ServiceState {
  readonly service: ServiceName;
  readonly head: string | null;
  readonly atHead: number;
  readonly behind: number;
}

/** The state of the whole fleet, in one query. */
export async function readFleet(owner: Pick<pg.Pool, 'query'>): Promise<readonly ServiceState[]> {
  const { rows } = await owner.query<ServiceState>(
    `select s.name as service, s.head, count(t.id) filter (where x.head is not distinct from s.head and x.schema_name is not null)::int as "atHead",
            count(t.id) filter (where x.schema_name is null or x.head is distinct from s.head)::int as behind
       from tenantry.service s
       left join tenantry.tenant t on t.status = 'active'
       left join tenantry.tenant_schema x on x.tenant_id = t.id and x.service = s.name
      group by s.name order by s.name`,
  );
  return rows;
}
