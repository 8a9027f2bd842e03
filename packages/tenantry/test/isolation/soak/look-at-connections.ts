import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { pastTheGate } from '../support/pools.js';
import type { Fault } from './fault.js';
import type { World } from './world.js';

/** What a connection keeps between two statements. */
export type Traces = Readonly<Record<string, unknown>>;

const tracesText = `select current_user::text as "user", current_setting('role') as role, current_setting('search_path') as path,
  current_setting('local.leak', true) as "local", current_setting('transaction.leak', true) as "transaction",
  (select string_agg(name || '=' || setting, ', ') from pg_settings where source = 'session' and name not like 'transaction%') as settings,
  (select string_agg(name, ', ') from pg_prepared_statements where name !~ '^tenantry_scope_') as prepared,
  (select string_agg(name, ', ') from pg_cursors) as cursors,
  (select string_agg(channel, ', ') from pg_listening_channels() channel) as channels,
  pg_my_temp_schema()::int as temporary`;

const activityText = `select pid, state, left(query, 80) as query,
    (select string_agg(format('%s/%s', classid, objid), ', ') from pg_locks l where l.pid = a.pid and locktype = 'advisory') as locks
  from pg_stat_activity a where usename = $1 and backend_type = 'client backend'`;

interface Activity {
  readonly pid: number;
  readonly state: string;
  readonly query: string;
  readonly locks: string | null;
}

/** Looks past the gate at what one connection keeps. */
export async function tracesOf(client: pg.ClientBase): Promise<Traces> {
  return (await pastTheGate<Traces>(client, tracesText)).rows[0] ?? {};
}

/** Looks at every connection, when nobody uses one: each must be there, idle, and as a new one is. */
export async function lookAtConnections(world: World, asNew: Traces): Promise<readonly Fault[]> {
  const faults: Fault[] = [];
  const report = (kind: Fault['kind'], says: string) => faults.push({ kind, says, operations: [] });
  for (const { pid, state, query, locks } of await untilIdle(world)) {
    if (state !== 'idle') report('not neutral', `backend ${pid} is ${state}: ${query}`);
    if (locks !== null) report('not neutral', `backend ${pid} holds the advisory locks ${locks}`);
  }
  const { pool } = world;
  if (pool.idleCount < pool.totalCount)
    report('hang', `${pool.totalCount - pool.idleCount} connections were never given back`);
  if (faults.length > 0) return faults;
  const clients = await allOf(world);
  try {
    const look = async (client: pg.PoolClient) => {
      const traces = await tracesOf(client);
      for (const [name, value] of Object.entries(traces)) {
        if (value !== asNew[name]) report('not neutral', `${name} of a connection is ${JSON.stringify(value)}`);
      }
      if (!(await serves(world, client))) report('hang', 'a connection serves nobody any more');
    };
    await Promise.all(clients.map(look));
  } catch (error) {
    report('hang', `a connection that should be idle cannot be used: ${String(error)}`);
  } finally {
    for (const client of clients) client.release();
  }
  return faults;
}

/** Everybody's connections, at once. One that was closed meanwhile is made again, which may take longer than code should wait. */
async function allOf({ pool }: World): Promise<pg.PoolClient[]> {
  const taking = await Promise.allSettled(Array.from({ length: pool.idleCount }, () => pool.connect()));
  return taking.flatMap((taken) => (taken.status === 'fulfilled' ? [taken.value] : []));
}

/** Whether some tenant can use it. A function may have taken away what the gate has prepared: it says so once. */
async function serves({ as, tenants }: World, client: pg.PoolClient): Promise<boolean> {
  for (const tenant of tenants) {
    const answered = as(tenant, () => client.query('select from entry limit 1'));
    if (await answered.then(Boolean, () => false)) return true;
  }
  return false;
}

/** What is released may take a moment to be idle, and what is closed to be gone. */
async function untilIdle({ admin, login, pool }: World): Promise<readonly Activity[]> {
  for (let attempt = 1; ; attempt++) {
    const { rows } = await admin.query<Activity>(activityText, [login]);
    const idle = rows.length <= pool.totalCount && rows.every(({ state, locks }) => state === 'idle' && locks === null);
    if ((idle && pool.idleCount === pool.totalCount) || attempt === 60) return rows;
    await sleep(Math.min(100, attempt * 5));
  }
}
