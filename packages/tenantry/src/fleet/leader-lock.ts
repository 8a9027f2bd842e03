import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { type HeldLock, tryHold } from '../postgres/held-lock.js';

/** The right to lead the rollouts of one service. */
export type LeaderLock = HeldLock;

const pollMs = 200;

/**
 * Waits until this process leads the rollouts of a service. Asked for again and again instead of waited for: a statement
 * that waits has a snapshot, and `create index concurrently` of the leader would wait for it in turn.
 *
 * @param onWait - Called once when somebody else leads.
 * @returns `undefined` when the signal was aborted first.
 */
export async function becomeLeader(
  owner: pg.Pool,
  service: string,
  onWait: () => void,
  signal?: AbortSignal,
): Promise<LeaderLock | undefined> {
  for (let attempt = 0; !signal?.aborted; attempt++) {
    const lock = await tryHold(owner, [`rollout:${service}`]);
    if (lock) return lock;
    if (attempt === 0) onWait();
    await sleep(pollMs, undefined, { signal }).catch(() => undefined);
  }
  return undefined;
}
