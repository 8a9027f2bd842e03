import type pg from 'pg';
import { TenancyError } from '../../errors/tenancy-error.js';
import { detectDrift } from '../../drift/detect-drift.js';
import type { DriftDifference } from '../../drift/drift-report.js';
import type { TenantId } from '../../tenant/tenant-id.js';

/**
 * Problems that do not stop a copy. It gets the rights of its own database, and what is not part of the tenant's data
 * is not copied.
 */
const beside: readonly string[] = [
  'role',
  'schema',
  'shared schema',
  'default privileges',
  'statistics',
  'publication',
] satisfies DriftDifference['kind'][];

/**
 * Refuses a tenant whose schemas are not what their ledgers say: a copy is made by its migrations, so what they do not make
 * would be missing in it. Owners, grants and how tables are kept do not count. A schema whose migrations run code that cannot be replayed is
 * not compared here; its tables are, when they are made again.
 *
 * @throws TenancyError `TENANCY_TENANT_UNKNOWN`, `TENANCY_TENANT_DRIFTED`.
 */
export async function requireNoDrift(owner: pg.Pool, tenant: TenantId, signal?: AbortSignal): Promise<void> {
  const { rows } = await owner.query("select from tenantry.tenant where id = $1 and status <> 'deleted'", [tenant]);
  if (rows.length === 0) throw new TenancyError('TENANCY_TENANT_UNKNOWN', { tenant });
  const { drifted } = await detectDrift(owner, { tenants: [tenant] }, { signal });
  const found = drifted.flatMap(({ differences }) => differences).filter(counts);
  if (found.length === 0) return;
  const more = found.length > 1 ? ` (and ${found.length - 1} more)` : '';
  const reason = `${found[0]?.words.replace(/\.$/, '') ?? ''}${more}.`;
  throw new TenancyError('TENANCY_TENANT_DRIFTED', { tenant, reason });
}

function counts({ kind, problem }: DriftDifference): boolean {
  return problem !== 'owner' && problem !== 'grants' && problem !== 'settings' && !beside.includes(kind);
}
