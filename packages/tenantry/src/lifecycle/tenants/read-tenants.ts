import { pageSizeMax } from '../../catalog/catalog.js';
import { TenancyError } from '../../errors/tenancy-error.js';
import type { Querier } from '../../postgres/querier.js';
import type { TenantStatus } from '../../tenant/tenant.js';
import { parseTenantId } from '../../tenant/tenant-id.js';
import { readEvents } from '../events/read-events.js';
import { listOperations } from '../operations/operation-store.js';
import type { TenantDetails, TenantRecord, TenantSchemaRecord } from './tenant-record.js';

/** Which tenants a list has. */
export interface TenantPage {
  readonly status?: TenantStatus | undefined;
  /** The id after which it begins. */
  readonly after?: string | undefined;
  /** @default 100, at most 1000 */
  readonly limit?: number | undefined;
}

const columns = 'id, name, status, labels, created_at as "createdAt", erase_after as "eraseAfter"';

/** Tenants of every status in the order of their ids. */
export async function listTenants(
  catalog: Querier,
  { status, after = '', limit = 100 }: TenantPage = {},
): Promise<TenantRecord[]> {
  const { rows } = await catalog.query<TenantRecord>(
    `select ${columns} from tenantry.tenant where id > $1 and ($2::text is null or status = $2) order by id limit $3`,
    [after, status ?? null, Math.min(Math.max(1, limit), pageSizeMax)],
  );
  return rows;
}

/**
 * One tenant, whatever its status.
 *
 * @throws TenancyError `TENANCY_TENANT_UNKNOWN`, `TENANCY_TENANT_ID_INVALID`.
 */
export async function readTenant(catalog: Querier, id: string): Promise<TenantRecord> {
  const { rows } = await catalog.query<TenantRecord>(`select ${columns} from tenantry.tenant where id = $1`, [
    parseTenantId(id),
  ]);
  const [tenant] = rows;
  if (!tenant) throw new TenancyError('TENANCY_TENANT_UNKNOWN', { tenant: id });
  return tenant;
}

/** One tenant with its schemas, and what was done to it; throws as {@link readTenant}. */
export async function readTenantDetails(catalog: Querier, id: string): Promise<TenantDetails> {
  const tenant = await readTenant(catalog, id);
  const { rows: schemas } = await catalog.query<TenantSchemaRecord>(
    'select service, schema_name as schema, head, held from tenantry.tenant_schema where tenant_id = $1 order by service',
    [id],
  );
  const operations = await listOperations(catalog, { tenant: id, limit: 10 });
  return { ...tenant, schemas, operations, events: await readEvents(catalog, { tenant: id, limit: 20 }) };
}
