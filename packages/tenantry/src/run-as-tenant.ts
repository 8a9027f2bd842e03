import { runInScope } from './context/current-scope.js';
import { outsideTransaction } from './orms/mikro-orm/outside-transaction.js';
import type { Readiness } from './readiness.js';
import { parseTenantId } from './tenant/tenant-id.js';

/**
 * Runs code as one tenant, also inside another scope, which is back afterwards. Not part of a transaction that is open
 * around it.
 *
 * @throws TenancyError when the tenant is not served, or not any more.
 */
export async function runAsTenant<T>(readiness: Readiness, tenantId: string, fn: () => T | Promise<T>): Promise<T> {
  const scope = await readiness.scopeOf(parseTenantId(tenantId));
  return outsideTransaction(() => runInScope(scope, async () => fn())).catch(async (error: unknown) => {
    throw (await readiness.explain(error, scope)) ?? error;
  });
}
