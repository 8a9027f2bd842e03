import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { lockKey } from '../postgres/lock-key.js';

/** The right to lead the rollouts of one service, until it is released or its connection ends. */
export interface LeaderLock {
  /** Whether the connection that holds it still stands. */
  readonly held: boolean;
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
  const lose = () => {
    lost = true;
  };
  client.once('error', lose);
  try {
    for (let attempt = 0; !signal?.aborted; attempt++) {
      await client.query('begin');
      await client.query('set local idle_in_transaction_session_timeout to 0');
      // Without parameters: the portal of a statement that has some stays open, and its snapshot with it.
      const { rows } = await client.query<{ mine: boolean }>(
        `select pg_try_advisory_xact_lock(${lockKey(`rollout:${service}`)}) as mine`,
      );
      if (rows[0]?.mine) {
        return {
          get held() {
            return !lost;
          },
          release: async () => {
            await client.query('rollback').catch(() => undefined);
            client.off('error', lose);
            client.release(lost);
          },
        };
      }
      await client.query('rollback');
      if (attempt === 0) onWait();
      await sleep(pollMs, undefined, { signal }).catch(() => undefined);
    }
  } catch (error) {
    client.release(true);
    throw error;
  }
  client.off('error', lose);
  client.release();
  return undefined;
}
