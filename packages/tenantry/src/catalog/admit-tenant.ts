import type { TenantScope } from '../context/scope.js';
import { TenancyError } from '../errors/tenancy-error.js';
import type { TenantEntry } from './catalog.js';

const refusals = {
  suspended: 'TENANCY_TENANT_SUSPENDED',
  archived: 'TENANCY_TENANT_ARCHIVED',
  deleted: 'TENANCY_TENANT_UNKNOWN',
} as const;

/**
 * Decides whether a tenant is served. Pure.
 *
 * @returns Its scope, or `undefined` when it is to be served but has no schema yet.
 * @throws TenancyError `TENANCY_TENANT_UNKNOWN`, `TENANCY_TENANT_SUSPENDED`, `TENANCY_TENANT_ARCHIVED`.
 */
export function admitTenant(id: string, entry: TenantEntry | undefined): TenantScope | undefined {
  if (!entry) throw new TenancyError('TENANCY_TENANT_UNKNOWN', { tenant: id });
  const { tenant, placement } = entry;
  if (tenant.status !== 'active') throw new TenancyError(refusals[tenant.status], { tenant: id });
  return placement && { kind: 'tenant', tenant, placement };
}
