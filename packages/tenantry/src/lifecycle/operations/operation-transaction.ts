import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { sqlstate, sqlstateOf } from '../../postgres/sqlstate.js';

/** Milliseconds; 0 is no limit. */
export interface OperationLimits {
  readonly lockTimeoutMs: number;
  readonly statementTimeoutMs: number;
}

/** Milliseconds for which a transaction is tried again while a lock is in its way: a request may last as long as its limits. */
const patienceMs = 90_000;

const inTheWay = new Set<string | undefined>([
  sqlstate.lockNotAvailable,
  sqlstate.deadlockDetected,
  sqlstate.outOfSharedMemory,
]);

function isInTheWay(error: unknown): boolean {
  // Another process changed the same row of PostgreSQL's own catalog; it has no code of its own.
  const clash = error instanceof Error && error.message.startsWith('tuple concurrently ');
  return clash || inTheWay.has(sqlstateOf(error));
}

/**
 * Runs code in a transaction of the owner role, again and again while a lock is in its way.
 *
 * @param onWait - Called each time with what PostgreSQL said.
 */
export async function inOperationTransaction<T>(
  client: pg.PoolClient,
  { lockTimeoutMs, statementTimeoutMs }: OperationLimits,
  fn: () => Promise<T>,
  onWait: (reason: string) => void,
): Promise<T> {
  const begun = performance.now();
  for (let attempt = 0; ; attempt++) {
    try {
      await client.query('begin isolation level read committed');
      await client.query(`set local lock_timeout to ${lockTimeoutMs}`);
      await client.query(`set local statement_timeout to ${statementTimeoutMs}`);
      const result = await fn();
      await client.query('commit');
      return result;
    } catch (error) {
      await client.query('rollback').catch(() => undefined);
      if (!isInTheWay(error) || performance.now() - begun > patienceMs) throw error;
      onWait((error as Error).message);
      await sleep(Math.min(2000, 100 * 2 ** attempt) * (0.5 + Math.random() / 2));
    }
  }
}
