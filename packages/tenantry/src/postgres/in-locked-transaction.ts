import type pg from 'pg';
import { lockKey } from './lock-key.js';

/**
 * Runs code in a transaction that holds an advisory lock from its first statement on, so that processes which start
 * together do the same work one after the other.
 *
 * @param lock - The lock's name.
 */
export async function inLockedTransaction<T>(client: pg.ClientBase, lock: string, fn: () => Promise<T>): Promise<T> {
  await client.query('begin');
  try {
    // What a database limits for its requests is no limit for one who waits here.
    await client.query('set local statement_timeout to 0');
    await client.query('set local lock_timeout to 0');
    await client.query('select pg_advisory_xact_lock($1)', [lockKey(lock)]);
    const result = await fn();
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}
