import { TenancyError } from '../errors/tenancy-error.js';
import { type TenantStatus, tenantStatuses } from '../tenant/tenant.js';
import { parseTenantId } from '../tenant/tenant-id.js';

/** Names a part of the fleet; what is left out is not asked. An empty one names all tenants that are served or suspended. */
export interface FleetSelector {
  /** Ids. */
  readonly tenants?: readonly string[] | undefined;
  readonly status?: TenantStatus | undefined;
  /** Labels that a tenant has, such as `{ tier: 'gold' }`. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/**
 * Reads `status=active,tier=gold`: `status` is the tenant's, every other key is a label.
 *
 * @throws TenancyError `TENANCY_SELECTOR_INVALID`.
 */
export function parseSelector(where: string | undefined, tenants: readonly string[] = []): FleetSelector {
  const labels: Record<string, string> = {};
  let status: TenantStatus | undefined;
  for (const part of where === undefined ? [] : where.split(',')) {
    const [, key, value] = /^([a-zA-Z][\w.-]{0,62})=(.{1,200})$/.exec(part.trim()) ?? [];
    if (key === undefined || value === undefined) throw invalid(`"${part}" is not of the form key=value`);
    if (key === 'status') status = tenantStatuses.find((each) => each === value) ?? refuseStatus(value);
    else labels[key] = value;
  }
  for (const tenant of tenants) parseTenantId(tenant);
  return {
    ...(tenants.length > 0 && { tenants: [...new Set(tenants)] }),
    ...(status && { status }),
    ...(Object.keys(labels).length > 0 && { labels }),
  };
}

/** The selector as a condition on `tenantry.tenant t`, with three parameters from `$first` on. */
export function selectorCondition(first: number): string {
  return `($${first}::text[] is null or t.id = any($${first})) and ($${first + 1}::text is null or t.status = $${first + 1})
          and t.labels @> $${first + 2}::jsonb`;
}

/** The values for {@link selectorCondition}. */
export function selectorValues({ tenants, status, labels }: FleetSelector): [string[] | null, string | null, string] {
  return [tenants ? [...tenants] : null, status ?? null, JSON.stringify(labels ?? {})];
}

function refuseStatus(value: string): never {
  throw invalid(`there is no status "${value}"; the statuses are ${tenantStatuses.join(', ')}`);
}

function invalid(reason: string): TenancyError {
  return new TenancyError('TENANCY_SELECTOR_INVALID', { reason });
}
