import type pg from 'pg';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import type { TaskRun } from './line.js';
import type { World } from './world.js';

const busy = new WeakMap<World, Set<string>>();

/** Does something to the server that no tenant asked for, and makes it good again. */
export async function disturb(run: TaskRun, what: 'kill' | 'revoke' | 'erase', tenant: string): Promise<void> {
  const { world, skips } = run;
  if (skips(`disturb:${what}`)) return;
  if (what === 'kill') return kill(run);
  const held = busy.get(world) ?? new Set();
  busy.set(world, held);
  if (held.has(tenant)) return;
  held.add(tenant);
  const client = await world.admin.connect();
  try {
    await away(run, client, what, tenant);
  } finally {
    client.release();
    held.delete(tenant);
  }
}

/** Ends some backend of the service's, whatever it does. */
async function kill({ world, history, task }: TaskRun): Promise<void> {
  const line = history.newLine();
  await history.record({ task, tenant: 'nobody', line, kind: 'other', what: 'pg_terminate_backend' }, async () => {
    const { rows } = await world.admin.query<{ pid: number }>(
      'select pid, pg_terminate_backend(pid) from pg_stat_activity where usename = $1 order by pid limit 1',
      [world.login],
    );
    return { ...(rows[0] && { backend: rows[0].pid }) };
  });
}

async function away(
  { world, history, task }: TaskRun,
  client: pg.PoolClient,
  kind: 'revoke' | 'erase',
  tenant: string,
): Promise<void> {
  const [take, give] =
    kind === 'revoke' ? [world.revoke(tenant), world.grant(tenant)] : [world.erase(tenant), world.create(tenant)];
  const line = history.newLine();
  await history.record({ task, tenant, line, kind, what: `${kind} ${tenant}` }, async () => {
    // Whoever holds the tenant's tables is let be.
    await inTransaction(client, ["set local lock_timeout = '50ms'", ...take]);
    try {
      for (let turns = 0; turns < 50; turns++) await turn();
    } finally {
      await untilDone(() => inTransaction(client, give));
    }
  });
}

/** Another one may be in its way; what was taken must be given back all the same. */
async function untilDone(fn: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await fn();
    } catch (error) {
      if (attempt === 20) throw error;
      await sleep(attempt);
    }
  }
}

async function inTransaction(client: pg.PoolClient, texts: readonly string[]): Promise<void> {
  try {
    for (const text of ['begin', ...texts, 'commit']) await client.query(text);
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}
