import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { until } from '../../../../test/support/until.js';
import { backOffMs, mayPass, retrying } from '../../src/postgres/contention.js';

let database: TestDatabase;
let one: pg.PoolClient;
let other: pg.PoolClient;
beforeAll(async () => {
  database = await createTestDatabase();
  await database.admin.query(
    "create table public.note (id int primary key, text text); insert into public.note values (1, ''), (2, '')",
  );
  [one, other] = [await database.admin.connect(), await database.admin.connect()];
});
afterAll(async () => {
  for (const client of [one, other]) client.release();
  await database.drop();
});

const write = (id: number) => `update public.note set text = text || '.' where id = ${id}`;

/** The error of two transactions that met: of the one that lost. */
async function clash(begin: string, fn: () => Promise<unknown>): Promise<unknown> {
  await one.query(begin);
  await other.query(begin);
  try {
    return await fn().catch((error: unknown) => error);
  } finally {
    for (const client of [one, other]) await client.query('rollback');
  }
}

/** What others cause, by name. */
const clashes: Readonly<Record<string, () => Promise<unknown>>> = {
  'a lock that is not to be had': () =>
    clash('begin', async () => {
      await one.query(write(1));
      await other.query('set local lock_timeout to 20');
      await other.query(write(1));
    }),
  'a deadlock': () =>
    clash("begin; set local deadlock_timeout to '10ms'", async () => {
      await one.query(write(1));
      await other.query(write(2));
      await Promise.all([one.query(write(2)), other.query(write(1))]);
    }),
  'two that wrote the same row': () =>
    clash('begin isolation level repeatable read', async () => {
      await other.query('select from public.note');
      await one.query(write(1));
      await one.query('commit');
      await other.query(write(1));
    }),
  'two that changed the same row of PostgreSQL’s own catalog': () =>
    clash('begin', async () => {
      await one.query('grant select on public.note to public');
      const waiting = other.query('revoke select on public.note from public');
      waiting.catch(() => undefined);
      await until('it waits', async () => {
        const { rowCount } = await database.admin.query(
          "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
        );
        return rowCount === 1;
      });
      await one.query('commit');
      await waiting;
    }),
};

describe('what may pass', () => {
  it.each(Object.keys(clashes))('%s', async (name) => {
    const error = await clashes[name]?.();
    expect(error).toBeInstanceOf(Error);
    expect(mayPass(error)).toBe(true);
  });

  it('a full lock table', () => {
    expect(mayPass(Object.assign(new Error('out of shared memory'), { code: '53200' }))).toBe(true);
  });

  it('nothing that the statement itself is to blame for', async () => {
    for (const sql of ['insert into public.note values (1)', 'select 1 / 0', 'select nothing'])
      expect(mayPass(await one.query(sql).catch((error: unknown) => error))).toBe(false);
    expect(mayPass(new Error('deadlock'))).toBe(false);
  });
});

describe('retrying', () => {
  const passing = Object.assign(new Error('a lock'), { code: '55P03' });
  const at = { delayMs: () => 0 };
  /** Fails so often. */
  const failing = (times: number, error: Error = passing) => {
    let calls = 0;
    return { calls: () => calls, run: async () => (++calls <= times ? Promise.reject(error) : 'done') };
  };

  it('does it again until it succeeds, and tells of each wait', async () => {
    const task = failing(2);
    const waits: unknown[] = [];
    expect(await retrying(task.run, { ...at, onWait: (error) => waits.push(error) })).toBe('done');
    expect([task.calls(), waits]).toEqual([3, [passing, passing]]);
  });

  it('gives up after so many times', async () => {
    const task = failing(Number.POSITIVE_INFINITY);
    await expect(retrying(task.run, { ...at, attempts: 3 })).rejects.toBe(passing);
    expect(task.calls()).toBe(3);
  });

  it('gives up after so much time, however often that was', async () => {
    const task = failing(Number.POSITIVE_INFINITY);
    const patience = { attempts: Number.POSITIVE_INFINITY, patienceMs: 50, delayMs: () => 10 };
    await expect(retrying(task.run, patience)).rejects.toBe(passing);
    expect(task.calls()).toBeGreaterThan(1);
  });

  it('does not repeat what would fail again', async () => {
    const wrong = new Error('wrong');
    const task = failing(1, wrong);
    await expect(retrying(task.run, at)).rejects.toBe(wrong);
    expect(task.calls()).toBe(1);
    expect(await retrying(failing(1, wrong).run, { ...at, when: (error) => error === wrong })).toBe('done');
  });
});

it('waits longer each time, never for more than three seconds, and two who clashed not equally long', () => {
  const most = (attempt: number) => Math.max(...Array.from({ length: 200 }, () => backOffMs(attempt)));
  expect(most(1)).toBeLessThan(most(3));
  expect(most(40)).toBeLessThanOrEqual(3000);
  expect(new Set(Array.from({ length: 20 }, () => backOffMs(2))).size).toBeGreaterThan(1);
});
