import type { SqlExecutor } from '../../catalog/catalog.js';
import { TenancyError } from '../../errors/tenancy-error.js';
import type { Tenant, TenantStatus } from '../../tenant/tenant.js';
import { parseTenantId } from '../../tenant/tenant-id.js';

/** A change of status that is one statement. */
export interface StatusChange {
  /** From which statuses it may be made. */
  readonly from: readonly TenantStatus[];
  readonly to: TenantStatus;
  /** For `deleted`: days until the tenant is erased. @default never */
  readonly graceDays?: number | undefined;
}

/** What a refusal says to do about each status. */
const remedies: Readonly<Record<TenantStatus, string>> = {
  active: 'is active',
  suspended: 'is suspended; resume it first',
  archived: 'is archived; restore it first',
  deleted: 'was deleted',
};

interface Found extends Tenant {
  readonly operation: number | null;
  readonly kind: string | null;
}

const unfinished = "o.status in ('running', 'reverting', 'failed')";

/**
 * Gives a tenant another status, unless an operation is at work on it: one statement, so that it can be a part of the
 * caller's transaction, and that there is nothing to resume. A tenant that has the status already is left alone.
 *
 * @throws TenancyError `TENANCY_TENANT_UNKNOWN`, `TENANCY_TENANT_STATUS`, `TENANCY_TENANT_BUSY`, `TENANCY_OPERATION_OPEN`.
 */
export async function changeStatus(
  executor: SqlExecutor,
  id: string,
  { from, to, graceDays }: StatusChange,
): Promise<Tenant> {
  const tenant = parseTenantId(id);
  const statuses = from.map((status) => `'${status}'`).join(', ');
  const [changed] = (await executor.execute(
    `with lock as materialized (select tenantry.try_lock_operation(?) as mine)
     update tenantry.tenant t set status = ?, updated_at = now(), erase_after = now() + ?::float8 * interval '1 day'
       from lock where lock.mine and t.id = ? and t.status in (${statuses})
        and not exists (select from tenantry.operation o where o.tenant_id = t.id and ${unfinished})
     returning t.id, t.name, t.status`,
    [tenant, to, graceDays ?? null, tenant],
  )) as Tenant[];
  if (changed) return changed;
  const [found] = (await executor.execute(
    `select t.id, t.name, t.status, o.id as operation, o.kind from tenantry.tenant t
       left join tenantry.operation o on o.tenant_id = t.id and ${unfinished} where t.id = ?`,
    [tenant],
  )) as Found[];
  if (!found || (found.status === 'deleted' && to !== 'deleted'))
    throw new TenancyError('TENANCY_TENANT_UNKNOWN', { tenant });
  const { name, status, operation, kind } = found;
  if (status === to) return { id: tenant, name, status };
  if (!from.includes(status)) throw statusError(tenant, status);
  if (operation !== null) throw new TenancyError('TENANCY_OPERATION_OPEN', { tenant, operation, kind: kind ?? '' });
  throw new TenancyError('TENANCY_TENANT_BUSY', { tenant });
}

/** The error for what cannot be done to a tenant of this status. */
export function statusError(tenant: string, status: TenantStatus): TenancyError {
  return new TenancyError('TENANCY_TENANT_STATUS', { tenant, rule: remedies[status] });
}
