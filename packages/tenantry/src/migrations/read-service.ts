import type pg from 'pg';
import type { ServiceName } from '../tenant/service-name.js';
import type { ShippedService } from './tenant-migration.js';

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
