import type pg from 'pg';
import type { LockName } from './lock-names.js';
import { takeLock } from './take-lock.js';
import { inTransaction, opening } from './transaction.js';

/**
 * Runs code in a transaction that holds an advisory lock from its first statement on, so that processes which start
 * together do the same work one after the other.
 *
 * @param owner - A connection of the owner role, in a database that has the catalog.
 * @param lock - The lock's name.
 * @param waitMs - Milliseconds it waits for it. @default 60000
 * @throws The error of PostgreSQL that becomes `TENANCY_LOCK_HELD`, after that time.
 */
export function inLockedTransaction<T>(
  owner: pg.ClientBase,
  lock: LockName,
  fn: () => Promise<T>,
  waitMs = 60_000,
): Promise<T> {
  // Limits that a database sets for requests must not end this wait.
  const open = [...opening({ statementTimeoutMs: 0, lockTimeoutMs: waitMs }), takeLock(lock, waitMs)];
  return inTransaction(owner, open, fn);
}
