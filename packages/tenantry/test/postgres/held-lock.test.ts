import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { hold, tryHold } from '../../src/postgres/held-lock.js';
import { lockNames } from '../../src/postgres/lock-names.js';

let database: TestDatabase;
let pool: pg.Pool;
beforeAll(async () => {
  database = await createTestDatabase();
  pool = new pg.Pool({ connectionString: database.url, max: 6 });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const [one, other] = [lockNames.operation('acme'), lockNames.operation('globex')];

it('is held by one until it is released, and says so', async () => {
  const lock = await tryHold(pool, [one, other]);
  expect(lock?.held).toBe(true);
  expect(await tryHold(pool, [other])).toBeUndefined();
  await lock?.release();
  const next = await tryHold(pool, [other]);
  expect(next?.held).toBe(true);
  await next?.release();
});

it('says when its connection is lost, and others may have it then', async () => {
  const lock = await tryHold(pool, [one]);
  await database.admin.query(
    "select pg_terminate_backend(pid, 60000) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())",
  );
  await expect.poll(() => lock?.held).toBe(false);
  await lock?.release();
  const next = await tryHold(pool, [one]);
  expect(next).toBeDefined();
  await next?.release();
});

it('touches none of several when the first is not free: who wants another of them gets it', async () => {
  const lock = await tryHold(pool, [one]);
  const both = async () => (await tryHold(pool, [other, one])) === undefined;
  const alone = async () => {
    const free = await tryHold(pool, [other]);
    await free?.release();
    return free !== undefined;
  };
  for (let round = 0; round < 40; round++)
    expect(await Promise.all([both(), both(), both(), alone()])).not.toContain(false);
  await lock?.release();
});

it('goes to one of two who want the same two, however each of them names them', async () => {
  for (let round = 0; round < 40; round++) {
    const locks = await Promise.all([tryHold(pool, [one, other]), tryHold(pool, [other, one])]);
    expect(locks.filter((lock) => lock !== undefined)).toHaveLength(1);
    await Promise.all(locks.map(async (lock) => lock?.release()));
  }
});

it('is waited for, and who waits is told so once', async () => {
  const lock = await tryHold(pool, [one]);
  let [told, asked] = [0, 0];
  pool.on('acquire', () => asked++);
  const waiting = hold(pool, one, () => told++);
  await expect.poll(() => asked).toBeGreaterThan(2);
  expect(told).toBe(1);
  await lock?.release();
  const next = await waiting;
  expect([next?.held, told]).toEqual([true, 1]);
  const given = new AbortController();
  const stopped = hold(pool, one, () => given.abort(), given.signal);
  expect(await stopped).toBeUndefined();
  await next?.release();
});
