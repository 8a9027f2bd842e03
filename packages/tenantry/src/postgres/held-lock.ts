import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { LockName } from './lock-names.js';
import { inOneFlight } from './one-flight.js';
import { one } from './one.js';
import { lockHeld, tryLocks } from './take-lock.js';

/** Advisory locks of one holder, until they are released or their connection ends. */
export interface HeldLock {
  /** Whether the connection that holds them still stands. */
  readonly held: boolean;
  release(): Promise<void>;
}

/**
 * Takes advisory locks, all or none, without waiting. They are locks of a transaction, not of a session, so that they also
 * work through a pooler; the transaction itself reads nothing, and has no snapshot that others would wait for.
 *
 * @returns `undefined` when somebody else holds one of them.
 */
export async function tryHold(owner: pg.Pool, names: readonly LockName[]): Promise<HeldLock | undefined> {
  const client = await owner.connect();
  let lost = false;
  const onError = () => {
    lost = true;
  };
  client.on('error', onError);
  const release = async () => {
    await client.query('rollback').catch(onError);
    client.off('error', onError);
    client.release(lost);
  };
  try {
    // Without parameters: the portal of a statement that has some stays open, and its snapshot with it.
    const results = await inOneFlight(client, [
      { text: 'begin' },
      { text: 'set local idle_in_transaction_session_timeout to 0' },
      tryLocks(names),
    ]);
    if (!one((results.at(-1)?.rows ?? []) as { mine: boolean }[], 'the locks that are to be held').mine) {
      await release();
      return undefined;
    }
  } catch (error) {
    client.off('error', onError);
    client.release(true);
    throw error;
  }
  return {
    get held() {
      return !lost;
    },
    release,
  };
}

const pollMs = 200;

/** Milliseconds: a rollout takes its time. */
const waitMs = 6 * 3_600_000;

/**
 * Takes one as {@link tryHold} does, and waits for it. Asked for again and again instead of waited for: a statement that waits
 * has a snapshot, and `create index concurrently` of whoever has the lock would wait for it in turn.
 *
 * @param onWait - Called once when somebody else has it.
 * @returns `undefined` when the signal was aborted first.
 * @throws TenancyError `TENANCY_LOCK_HELD` after six hours.
 */
export async function hold(
  owner: pg.Pool,
  name: LockName,
  onWait: () => void,
  signal?: AbortSignal,
): Promise<HeldLock | undefined> {
  const begun = performance.now();
  for (let attempt = 0; !signal?.aborted; attempt++) {
    const lock = await tryHold(owner, [name]);
    if (lock) return lock;
    if (attempt === 0) onWait();
    if (performance.now() - begun > waitMs) throw await lockHeld(owner, name, waitMs);
    await sleep(pollMs, undefined, { signal }).catch(() => undefined);
  }
  return undefined;
}
