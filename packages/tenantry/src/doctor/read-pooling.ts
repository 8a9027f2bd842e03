import type pg from 'pg';
import { one } from '../postgres/one.js';
import type { Pooling } from './doctor-facts.js';
import { type NamedUrl, withConnection } from './with-connection.js';

/**
 * What a URL leads through. A pooler makes the number up that a client is told for its backend; one in transaction mode
 * gives two clients that do nothing the same backend.
 */
export async function readPooling(url: NamedUrl): Promise<Pooling> {
  return withConnection(url, async (first) => {
    const pid = await backendOf(first);
    if (pid === (first as unknown as { processID: number }).processID) return 'none';
    return (await withConnection(url, backendOf)) === pid ? 'transaction' : 'unclear';
  });
}

async function backendOf(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  return one(rows, 'select pg_backend_pid()').pid;
}

/** PgBouncer's `track_extra_parameters`, where the login may ask it (`stats_users`); `undefined` where it may not. */
export async function readTracked({ url, variable }: NamedUrl): Promise<readonly string[] | undefined> {
  try {
    const console = new URL(url);
    console.pathname = '/pgbouncer';
    // With `auth_query` PgBouncer may never answer a login that it does not let in, so this waits one second only.
    return await withConnection({ url: console.href, variable }, readTrackedFrom, 1000);
  } catch {
    return undefined;
  }
}

async function readTrackedFrom(console: pg.Client): Promise<string[] | undefined> {
  const { rows } = await console.query<{ key: string; value: string }>('show config');
  const setting = rows.find(({ key }) => key === 'track_extra_parameters');
  return setting?.value.split(',').map((name) => name.trim().toLowerCase());
}
