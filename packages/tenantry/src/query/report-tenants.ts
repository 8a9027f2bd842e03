import { TenancyError } from '../errors/tenancy-error.js';
import type { SchemaName } from '../tenant/schema-name.js';
import type { ServiceName } from '../tenant/service-name.js';
import type { Tenant } from '../tenant/tenant.js';
import { type FleetSelector, selectorCondition, selectorValues } from '../fleet/selector.js';
import { one } from '../postgres/one.js';

/** A tenant as a report sees it. */
export interface ReportTenant extends Tenant {
  /** `null` until the service's schema is provisioned. */
  readonly schema: SchemaName | null;
}

/** Reads the catalog with one statement. */
export type ReadCatalog = <T extends object>(text: string, values: readonly unknown[]) => Promise<readonly T[]>;

/** Tenants read at a time. */
const pageSize = 1000;

const selected = `
  from tenantry.tenant t left join tenantry.tenant_schema x on x.tenant_id = t.id and x.service = $4
 where t.status <> 'deleted' and ($1::text[] is not null or $2::text is not null or t.status = 'active') and ${selectorCondition(1)}`;

/**
 * Finds the service that is asked, and the schemas on its search path after the tenant's own.
 *
 * @param name - Left out: the only one there is.
 * @throws TenancyError `TENANCY_OPTION_INVALID`.
 */
export async function findService(
  read: ReadCatalog,
  name: string | undefined,
): Promise<{ readonly service: ServiceName; readonly sharedSchemas: readonly string[]; readonly head: string | null }> {
  const known = await read<{ service: ServiceName; sharedSchemas: string[]; head: string | null }>(
    'select name as service, shared_schemas as "sharedSchemas", head from tenantry.service order by name',
    [],
  );
  const found = known.filter(({ service }) => name === undefined || service === name);
  const [only] = found;
  if (only && found.length === 1) return only;
  const names = known.map(({ service }) => service).join(', ') || 'none';
  const reason =
    name === undefined
      ? `name one of the services: ${names}`
      : `no service "${name}" is registered; the catalog has ${names}`;
  throw new TenancyError('TENANCY_OPTION_INVALID', { option: 'service', reason });
}

/**
 * The first tenants that should answer as all do: those at head, then the others.
 *
 * @throws TenancyError `TENANCY_OPTION_INVALID` for a named tenant that is not there.
 */
export async function findExamples(
  read: ReadCatalog,
  service: ServiceName,
  head: string | null,
  selector: FleetSelector,
): Promise<readonly ReportTenant[]> {
  const [unknown] = await read<{ id: string }>(
    `select id from unnest($1::text[]) id where not exists (select from tenantry.tenant t where t.id = id.id and t.status <> 'deleted')`,
    [selector.tenants ?? []],
  );
  if (unknown) {
    const reason = `the catalog has no "${unknown.id}"`;
    throw new TenancyError('TENANCY_OPTION_INVALID', { option: 'tenants', reason });
  }
  return read<ReportTenant>(
    `select t.id, t.name, t.status, x.schema_name as schema ${selected} and x.schema_name is not null
      order by x.head is not distinct from $5 desc, t.id limit 3`,
    [...selectorValues(selector), service, head],
  );
}

/** How many tenants are selected, for a progress bar. */
export async function countTenants(read: ReadCatalog, service: ServiceName, selector: FleetSelector): Promise<number> {
  const rows = await read<{ count: number }>(`select count(*)::int as count ${selected}`, [
    ...selectorValues(selector),
    service,
  ]);
  return one(rows, 'select count(*) of the tenants of a report').count;
}

/** The selected tenants by id, page by page. */
export async function* reportTenants(
  read: ReadCatalog,
  service: ServiceName,
  selector: FleetSelector,
): AsyncGenerator<ReportTenant> {
  for (let after = '', more = true; more;) {
    const rows = await read<ReportTenant>(
      `select t.id, t.name, t.status, x.schema_name as schema ${selected} and t.id > $5 order by t.id limit ${pageSize}`,
      [...selectorValues(selector), service, after],
    );
    yield* rows;
    after = rows.at(-1)?.id ?? '';
    more = rows.length === pageSize;
  }
}
