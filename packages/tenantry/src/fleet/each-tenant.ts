import type { Tenant } from '../tenant/tenant.js';
import { type FleetSelector, selectorCondition, selectorValues } from './selector.js';

/** What became of the function in one tenant. */
export type TenantResult<T> =
  | { readonly tenant: string; readonly ok: true; readonly value: T }
  | { readonly tenant: string; readonly ok: false; readonly error: unknown };

/** How {@link eachTenant} works. */
export interface EachOptions {
  /** Tenants at the same time. @default 4 */
  readonly concurrency?: number | undefined;
  /** Ends it after the tenants in hand. */
  readonly signal?: AbortSignal | undefined;
}

/** Reads tenants with one statement. */
export type EachPage = (text: string, values: readonly unknown[]) => Promise<readonly Tenant[]>;

const pageSize = 1000;

/**
 * Runs a function once in every selected tenant. One that throws is a result like any other.
 *
 * @param readPage - Reads the catalog.
 * @param run - Runs it in the tenant's scope.
 */
export async function eachTenant<T>(
  readPage: EachPage,
  selector: FleetSelector,
  run: (tenant: Tenant) => Promise<T>,
  { concurrency = 4, signal }: EachOptions = {},
): Promise<TenantResult<T>[]> {
  const results: TenantResult<T>[] = [];
  let after = '';
  for (;;) {
    const rows = await readPage(
      `select t.id, t.name, t.status from tenantry.tenant t
        where t.status <> 'deleted' and ($2::text is not null or t.status = 'active') and ${selectorCondition(1)} and t.id > $4
        order by t.id limit ${pageSize}`,
      [...selectorValues(selector), after],
    );
    const todo = rows.toReversed();
    const work = async () => {
      for (let tenant = todo.pop(); tenant && !signal?.aborted; tenant = todo.pop())
        results.push(await attempt(tenant, run));
    };
    await Promise.all(Array.from({ length: concurrency }, work));
    after = rows.at(-1)?.id ?? '';
    if (rows.length < pageSize || signal?.aborted) return results;
  }
}

async function attempt<T>(tenant: Tenant, run: (tenant: Tenant) => Promise<T>): Promise<TenantResult<T>> {
  try {
    return { tenant: tenant.id, ok: true, value: await run(tenant) };
  } catch (error) {
    return { tenant: tenant.id, ok: false, error };
  }
}
