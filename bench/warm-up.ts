import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { Load } from './load.ts';
import { poolSize, type Target } from './request-targets.ts';

/** One request to send. */
export type Asked = Pick<Load, 'url' | 'method' | 'body'>;

/** Makes every connection of these targets meet every tenant's tables. */
export async function touchEverywhere(
  admin: pg.Client,
  targets: readonly Target[],
  asked: (target: Target) => Asked,
): Promise<void> {
  for (const tenant of targets[0]?.tenants ?? [])
    await useAll(
      admin,
      tenant,
      targets.map((target) => asked(target)),
    );
}

/** Connections that are open, of services whose connections end when nobody uses them. */
export class ColdConnections {
  readonly #admin: pg.Client;
  #pids: readonly number[] = [];

  constructor(admin: pg.Client) {
    this.#admin = admin;
  }

  /** Ends when all that were open are closed and others are, which have met one tenant. */
  async openAnew({ tenants: [tenant = ''] }: Target, asked: Asked): Promise<void> {
    const open = 'select pid from pg_stat_activity where pid = any($1)';
    await until(async () => (await this.#admin.query(open, [this.#pids])).rowCount === 0);
    this.#pids = await useAll(this.#admin, tenant, [asked]);
  }
}

/**
 * Uses every connection of some services at once, for one tenant: while its table is locked a request that has a connection
 * keeps it, so that the pool gives the next one to the next. Answers the backends' pids.
 */
async function useAll(admin: pg.Client, tenant: string, asked: readonly Asked[]): Promise<readonly number[]> {
  const table = `"${tenant}_inventory".item`;
  await admin.query('begin');
  await admin.query(`lock table ${table} in access exclusive mode`);
  const answers = asked.flatMap((each) => Array.from({ length: poolSize }, () => ask(each, tenant)));
  const waiting = `select pid from pg_locks where relation = '${table}'::regclass and not granted`;
  let pids: readonly number[] = [];
  await until(async () => {
    pids = (await admin.query<{ pid: number }>(waiting)).rows.map(({ pid }) => pid);
    return pids.length === answers.length;
  });
  await admin.query('commit');
  await Promise.all(answers);
  return pids;
}

async function ask({ url, method, body }: Asked, tenant: string): Promise<void> {
  const headers = { 'x-client': tenant, ...(body && { 'content-type': 'application/json' }) };
  const response = await fetch(url, { method, headers, ...(body && { body }) });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`${method} ${url} for ${tenant} was answered ${response.status}`);
}

async function until(look: () => Promise<boolean>): Promise<void> {
  for (const begun = performance.now(); !(await look()); await sleep(1))
    if (performance.now() - begun > 60_000) throw new Error('What a benchmark waits for did not happen in a minute');
}
