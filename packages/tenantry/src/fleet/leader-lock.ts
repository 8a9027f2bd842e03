import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { lockKey } from '../postgres/lock-key.js';
import { inOneFlight } from '../postgres/one-flight.js';

/** The right to lead the rollouts of one service, until it is released or its connection ends. */
export interface LeaderLock {
  release(): Promise<void>;
}

const pollMs = 200;

/**
 * Waits until this process leads the rollouts of a service. Asked for again and again instead of waited for: a statement
 * that waits has a snapshot, and `create index concurrently` of the leader would wait for it in turn. A lock of a
 * transaction, not of a session, so that it also works through a pooler; the transaction itself reads nothing.
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
  const client = await owner.connect();
  let lost = false;
  const onError = () => {
    lost = true;
  };
  client.on('error', onError);
  // The pool keeps the client for others.
  const giveBack = (broken: boolean) => {
    client.off('error', onError);
    client.release(broken);
  };
  try {
    for (let attempt = 0; !signal?.aborted; attempt++) {
      // Without parameters: the portal of a statement that has some stays open, and its snapshot with it.
      const results = await inOneFlight(client, [
        { text: 'begin' },
        { text: 'set local idle_in_transaction_session_timeout to 0' },
        { text: `select pg_try_advisory_xact_lock(${lockKey(`rollout:${service}`)}) as mine` },
      ]);
      const row = results.at(-1)?.rows[0] as { mine: boolean } | undefined;
      if (row?.mine) {
        return {
          release: async () => {
            await client.query('rollback').catch(() => undefined);
            giveBack(lost);
          },
        };
      }
      await client.query('rollback');
      if (attempt === 0) onWait();
      await sleep(pollMs, undefined, { signal }).catch(() => undefined);
    }
  } catch (error) {
    giveBack(true);
    throw error;
  }
  giveBack(false);
  return undefined;
}
