import { TenancyError } from '../errors/tenancy-error.js';
import { checkTenantName } from '../tenant/tenant-name.js';
import { type TenantId, whyNotTenantId } from '../tenant/tenant-id.js';
import type { FoundTenant, UnfitTenant } from './adoption-plan.js';

/** A row of the table with the tenants, as text. */
export interface TenantRow {
  readonly sourceId: string | null;
  readonly tenantId: string | null;
  readonly name: string | null;
  /** What the catalog has under the id. */
  readonly status: string | null;
}

/** Tells which rows become which tenants; an id or a name that cannot be one is listed, and nothing is made up for it. Pure. */
export function decideTenants(
  rows: readonly TenantRow[],
  idPrefix: string,
): { tenants: FoundTenant[]; unfit: UnfitTenant[] } {
  const [tenants, unfit]: [FoundTenant[], UnfitTenant[]] = [[], []];
  const [sources, ids] = [new Set<string>(), new Set<string>()];
  for (const { sourceId, tenantId, name, status } of rows) {
    const id = `${idPrefix}${tenantId ?? ''}`;
    const reason =
      whyNoTenant(sourceId, id, name, status) ??
      (sources.has(sourceId ?? '') || ids.has(id) ? 'occurs twice' : undefined);
    if (reason !== undefined || sourceId === null)
      unfit.push({ sourceId: sourceId ?? 'null', reason: reason ?? 'is null' });
    else tenants.push({ sourceId, tenant: id as TenantId, name: name ?? '' });
    sources.add(sourceId ?? '');
    ids.add(id);
  }
  return { tenants, unfit };
}

function whyNoTenant(
  sourceId: string | null,
  id: string,
  name: string | null,
  status: string | null,
): string | undefined {
  if (sourceId === null) return 'is null';
  const rule = whyNotTenantId(id);
  if (rule !== undefined) return `gives the tenant id "${id}", but a tenant id ${rule}`;
  if (status !== null && status !== 'active') return `gives the tenant id "${id}", which the catalog has as ${status}`;
  try {
    checkTenantName(name ?? '');
    return undefined;
  } catch (error) {
    if (!(error instanceof TenancyError)) throw error;
    return `has the name ${JSON.stringify(name)}, but ${error.detail.replace(/^A/, 'a').replace(/\.$/, '')}`;
  }
}
