import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { TenancyError } from '../errors/tenancy-error.js';
import { mayPass } from '../postgres/contention.js';
import { onConnection } from '../postgres/transaction.js';
import type { AdoptionContext } from './adoption-context.js';
import { open } from './session.js';

/** What may happen under a lock that keeps writers waiting. */
export interface LockedWork {
  lock(client: pg.PoolClient): Promise<void>;
  /** Before every attempt, while writers write: leaves little to do. */
  before(): Promise<void>;
  /** Runs while writers wait. With `again` they go on, and the next attempt begins with `before`. */
  work(client: pg.PoolClient, overdue: () => boolean): Promise<'done' | 'again'>;
}

/** How often, and milliseconds that it may be held. */
const attemptsMax = 10;

const stopped = { reason: 'it was stopped', remedy: 'Run the same command again.' };

/** How a lock was held. */
export interface LockReport {
  /** Milliseconds from the moment the lock was there to the commit. */
  readonly lockedMs: number;
  /** Milliseconds that the last attempt waited for it; writers queue behind it. */
  readonly waitedMs: number;
  readonly attempts: number;
}

/**
 * Does the last part of a move while nobody writes. Where the lock cannot be taken soon, or the work takes longer than
 * `lockMaxMs`, writers go on and it is tried again.
 *
 * @throws TenancyError `TENANCY_ADOPTION_BUSY`.
 */
export async function lockAndMove(
  { owner, service, lockTimeoutMs, signal }: AdoptionContext,
  lockMaxMs: number,
  { lock, before, work }: LockedWork,
): Promise<LockReport> {
  const opening = [
    // Short: everybody who writes queues behind it.
    ...open('read committed', Math.min(lockTimeoutMs || lockMaxMs, lockMaxMs)),
    // If this process vanishes, writers must not wait for ever.
    {
      text: `select set_config('synchronous_commit', 'on', true), set_config('idle_in_transaction_session_timeout', '${lockMaxMs + 10_000}', true)`,
    },
  ];
  const moveOnce = async (client: pg.PoolClient): Promise<Omit<LockReport, 'attempts'> | undefined> => {
    for (const { text } of opening) await client.query(text);
    const asked = performance.now();
    await lock(client);
    const locked = performance.now();
    const done = (await work(client, () => performance.now() - locked > lockMaxMs)) === 'done';
    await client.query(done ? 'commit' : 'rollback');
    if (!done) return undefined;
    return { lockedMs: Math.round(performance.now() - locked), waitedMs: Math.round(locked - asked) };
  };
  let why = stopped;
  for (let attempt = 1; attempt <= attemptsMax && !signal?.aborted; attempt++) {
    await before();
    try {
      const moved = await onConnection(owner, moveOnce);
      if (moved) return { ...moved, attempts: attempt };
      why = {
        reason: `the changes that came in meanwhile could not be carried over within ${lockMaxMs} ms`,
        remedy: 'Try again when fewer rows are written, or raise `lockMaxMs` (--lock-max).',
      };
    } catch (error) {
      if (!mayPass(error)) throw error;
      why = {
        reason: `the lock that keeps writers away could not be taken (${(error as Error).message})`,
        remedy:
          'Look for long transactions in pg_stat_activity, or raise `lockMaxMs` (--lock-max), and `lockTimeoutMs` where that is less.',
      };
    }
    await sleep(100 * attempt);
  }
  throw new TenancyError('TENANCY_ADOPTION_BUSY', { service, ...(signal?.aborted ? stopped : why) });
}
