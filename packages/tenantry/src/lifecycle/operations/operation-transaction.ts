import type pg from 'pg';
import { retrying } from '../../postgres/contention.js';
import { inOwnTransaction, type Lender, opening } from '../../postgres/transaction.js';

/** Milliseconds; 0 is no limit. */
export interface OperationLimits {
  readonly lockTimeoutMs: number;
  readonly statementTimeoutMs: number;
}

/**
 * Milliseconds for which a transaction is tried again while a lock is in its way. A request that holds one ends by its
 * own limits, which are shorter.
 */
const patienceMs = 90_000;

/**
 * Runs code in a transaction of the owner role, again and again while a lock is in its way.
 *
 * @param onWait - Called each time with what PostgreSQL said. @default nobody hears of it
 */
export function inOperationTransaction<T>(
  owner: Lender,
  limits: OperationLimits,
  fn: (client: pg.PoolClient) => Promise<T>,
  onWait: (reason: string) => void = () => undefined,
): Promise<T> {
  return retrying(() => inOwnTransaction(owner, opening(limits), fn), {
    attempts: Number.POSITIVE_INFINITY,
    patienceMs,
    onWait: (error) => onWait((error as Error).message),
  });
}
