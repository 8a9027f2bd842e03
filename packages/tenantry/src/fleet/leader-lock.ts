import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { type HeldLock, tryHold } from '../postgres/held-lock.js';
import { lockHeld } from '../postgres/take-lock.js';

/** The right to lead the rollouts of one service. */
export type LeaderLock = HeldLock;

const pollMs = 200;

/** Milliseconds: a rollout takes its time. */
const waitMs = 6 * 3_600_000;

/**
 * Waits until this process leads the rollouts of a service. Asked for again and again instead of waited for: a statement
 * that waits has a snapshot, and `create index concurrently` of the leader would wait for it in turn.
 *
 * @param onWait - Called once when somebody else leads.
 * @returns `undefined` when the signal was aborted first.
 * @throws TenancyError `TENANCY_LOCK_HELD` after six hours.
 */
export async function becomeLeader(
  owner: pg.Pool,
  service: string,
  onWait: () => void,
  signal?: AbortSignal,
): Promise<LeaderLock | undefined> {
  const name = `rollout:${service}`;
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
