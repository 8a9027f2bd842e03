import type pg from 'pg';
import { takeLock } from './take-lock.js';

/**
 * Runs code in a transaction that holds an advisory lock from its first statement on, so that processes which start
 * together do the same work one after the other.
 *
 * @param owner - A connection of the owner role, in a database that has the catalog.
 * @param lock - The lock's name.
 * @param waitMs - Milliseconds it waits for it. @default 60000
 * @throws The error of PostgreSQL that becomes `TENANCY_LOCK_HELD`, after that time.
 */
export async function inLockedTransaction<T>(
  owner: pg.ClientBase,
  lock: string,
  fn: () => Promise<T>,
  waitMs = 60_000,
): Promise<T> {
  // Whatever the database's default is: what is read under the lock must be newer than the wait for it.
  await owner.query('begin isolation level read committed');
  try {
    // What a database limits for its requests is no limit for one who waits here.
    await owner.query('set local statement_timeout to 0');
    await owner.query(`set local lock_timeout to ${waitMs}`);
    await owner.query(takeLock(lock, waitMs).text);
    const result = await fn();
    await owner.query('commit');
    return result;
  } catch (error) {
    await owner.query('rollback').catch(() => undefined);
    throw error;
  }
}
