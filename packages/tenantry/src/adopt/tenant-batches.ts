import { lockBudget } from '../postgres/lock-budget.js';
import type { Layout } from './layout.js';

/** What one transaction may hold. */
export interface BatchTerms {
  /** Locks that one tenant table takes with its indexes and sequences, roughly. @default 5 */
  readonly locksPerTable?: number;
  /** Most tenants. @default 10 */
  readonly most?: number;
}

/** Cuts tenants into those that go into one transaction each. Pure. */
export function tenantBatches<T>(
  tenants: readonly T[],
  { parts }: Layout,
  { locksPerTable = 5, most = 10 }: BatchTerms = {},
): T[][] {
  const size = Math.max(1, Math.min(most, Math.floor(lockBudget / (parts.length * locksPerTable))));
  return Array.from({ length: Math.ceil(tenants.length / size) }, (_, at) => tenants.slice(at * size, (at + 1) * size));
}
