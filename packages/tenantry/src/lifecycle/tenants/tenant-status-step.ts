import { TenancyError } from '../../errors/tenancy-error.js';
import { one } from '../../postgres/one.js';
import type { Querier } from '../../postgres/querier.js';
import type { TenantStatus } from '../../tenant/tenant.js';
import type { OperationStep } from '../operations/operation-step.js';
import { statusError } from './change-status.js';

/**
 * A step that gives the tenant a status; taken back, it has the former one again.
 *
 * @param name - Of the step.
 */
export function statusStep(name: string, to: TenantStatus): OperationStep {
  return {
    name,
    async apply({ client, tenant, keep }) {
      const { rows } = await client.query<{ status: TenantStatus; eraseAfter: string | null }>(
        'select status, erase_after::text as "eraseAfter" from tenantry.tenant where id = $1 for update',
        [tenant],
      );
      const { status, eraseAfter } = one(rows, `select … from tenantry.tenant where id = '${tenant}'`);
      keep({ [name]: { status, eraseAfter } });
      await setStatus(client, tenant, to, null);
    },
    async revert({ client, tenant, facts }) {
      const former = facts[name] as { status: TenantStatus; eraseAfter: string | null } | undefined;
      if (former) await setStatus(client, tenant, former.status, former.eraseAfter);
    },
  };
}

async function setStatus(
  client: Querier,
  tenant: string,
  status: TenantStatus,
  eraseAfter: string | null,
): Promise<void> {
  await client.query(
    `update tenantry.tenant set status = $2, erase_after = $3, updated_at = now()
      where id = $1 and (status, erase_after) is distinct from ($2, $3::timestamptz)`,
    [tenant, status, eraseAfter],
  );
}

/**
 * The status of a tenant that an operation begins with.
 *
 * @throws TenancyError `TENANCY_TENANT_UNKNOWN`; `TENANCY_TENANT_STATUS` when it is none of `from`.
 */
export async function requireStatus(
  client: Querier,
  tenant: string,
  from: readonly TenantStatus[],
): Promise<TenantStatus> {
  const { rows } = await client.query<{ status: TenantStatus }>(
    'select status from tenantry.tenant where id = $1 for update',
    [tenant],
  );
  const status = rows[0]?.status;
  if (status === undefined || (status === 'deleted' && !from.includes(status)))
    throw new TenancyError('TENANCY_TENANT_UNKNOWN', { tenant });
  if (!from.includes(status)) throw statusError(tenant, status);
  return status;
}
