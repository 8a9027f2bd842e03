import { TenancyError } from '../errors/tenancy-error.js';
import type { TenantEntry } from './catalog.js';

const refusals = {
  suspended: 'TENANCY_TENANT_SUSPENDED',
  archived: 'TENANCY_TENANT_ARCHIVED',
  deleted: 'TENANCY_TENANT_UNKNOWN',
} as const;

/**
 * Lets a tenant in that is to be served, provisioned or not. Pure.
 *
 * @param options - Of the error, where it is asked because something else failed.
 * @throws TenancyError `TENANCY_TENANT_UNKNOWN`, `TENANCY_TENANT_SUSPENDED`, `TENANCY_TENANT_ARCHIVED`.
 */
export function admitTenant(id: string, entry: TenantEntry | undefined, options?: ErrorOptions): TenantEntry {
  if (!entry) throw new TenancyError('TENANCY_TENANT_UNKNOWN', { tenant: id }, options);
  const { status } = entry.tenant;
  if (status !== 'active') throw new TenancyError(refusals[status], { tenant: id }, options);
  return entry;
}
