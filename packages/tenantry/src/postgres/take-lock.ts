import { TenancyError } from '../errors/tenancy-error.js';
import type { Statement } from './one-flight.js';
import { one } from './one.js';
import type { Querier } from './querier.js';
import { type LockName, lockKey } from './lock-names.js';
import { quoteLiteral } from './quote.js';

/**
 * Takes a lock of ours until the transaction ends. When the wait is over without success, the error names the backend
 * that holds it. Pure.
 *
 * @param name - The lock's name.
 * @param waitMs - Milliseconds it is waited for, whatever the limit for other locks is.
 */
export function takeLock(name: LockName, waitMs: number): Statement {
  return { text: `select tenantry.take_lock(${quoteLiteral(name).trim()}, ${waitMs})` };
}

/** Takes a lock of ours until the transaction ends, where it is free; the one row says whether it is `mine` now. Pure. */
export function tryLock(name: LockName, mode: 'exclusive' | 'shared' = 'exclusive'): Statement {
  return { text: `select pg_try_advisory_xact_lock${mode === 'shared' ? '_shared' : ''}(${lockKey(name)}) as mine` };
}

/**
 * The same for several. In the order of their names, and none after one that is not free: of two who want the same at the same
 * moment one gets them all. Pure.
 */
export function tryLocks(names: readonly LockName[]): Statement {
  const all = names
    .toSorted()
    .reduceRight(
      (rest, name) => `case when pg_try_advisory_xact_lock(${lockKey(name)}) then ${rest} else false end`,
      'true',
    );
  return { text: `select ${all} as mine` };
}

/**
 * Milliseconds that a lock of ours is waited for. DDL that waits for a table holds up all who come after it; this holds nobody
 * up, and who has it may need as long as a new tenant takes.
 */
export function ownLockWaitMs(lockTimeoutMs: number): number {
  return 6 * lockTimeoutMs || 30_000;
}

/** The error of who has asked for a lock of ours again and again, and not got it. */
export async function lockHeld(owner: Querier, name: LockName, waitedMs: number): Promise<TenancyError> {
  const { rows } = await owner.query<{ holder: string | null }>('select tenantry.lock_holder($1) as holder', [name]);
  const holder = one(rows, 'select tenantry.lock_holder(…)').holder ?? 'somebody who has just released it';
  return new TenancyError('TENANCY_LOCK_HELD', {
    reason: `"${name}" was held for ${Math.round(waitedMs)} ms by ${holder}`,
  });
}
