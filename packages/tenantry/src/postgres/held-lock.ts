import type pg from 'pg';
import { lockKey } from './lock-key.js';

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
 * @param names - The locks' names.
 * @returns `undefined` when somebody else holds one of them.
 */
export async function tryHold(owner: pg.Pool, names: readonly string[]): Promise<HeldLock | undefined> {
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
    await client.query('begin');
    await client.query('set local idle_in_transaction_session_timeout to 0');
    for (const name of names) {
      // Without parameters: the portal of a statement that has some stays open, and its snapshot with it.
      const { rows } = await client.query<{ mine: boolean }>(
        `select pg_try_advisory_xact_lock(${lockKey(name)}) as mine`,
      );
      if (rows[0]?.mine) continue;
      await release();
      return undefined;
    }
  } catch (error) {
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
