import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { type Database, openDatabase } from '../../src/database.js';
import { resolveOptions, type TenancyOptions } from '../../src/options.js';

/** What `pg` would do by itself. */
const defaultOfPg = 10_000;

let database: TestDatabase;
let opened: Database | undefined;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  vi.useRealTimers();
  await opened?.pool.end();
  await opened?.owner?.end();
  opened = undefined;
  await database.drop();
});

/** Opens a process's connections; from then on time passes when the test says so. */
async function open(options: Partial<TenancyOptions> = {}): Promise<Database['pool']> {
  opened = await openDatabase(resolveOptions({ url: database.url, ...options }));
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  return opened.pool;
}

/** Uses the pool's connection, or opens one; answers its backend's pid. */
async function use(pool: Database['pool']): Promise<number> {
  const { rows } = await pool.query<{ pid: number }>('select pg_backend_pid() as pid');
  return rows[0]?.pid ?? 0;
}

async function requireGone(pid: number): Promise<void> {
  await expect
    .poll(async () => (await database.admin.query('select from pg_stat_activity where pid = $1', [pid])).rowCount)
    .toBe(0);
}

describe('a connection that nobody uses', () => {
  it('is kept for five minutes where nothing else is said, and closed after them', async () => {
    const pool = await open();
    const pid = await use(pool);
    vi.advanceTimersByTime(299_000);
    expect(await use(pool)).toBe(pid);
    // Its use began the time anew.
    vi.advanceTimersByTime(299_000);
    expect(pool.totalCount).toBe(1);
    vi.advanceTimersByTime(1000);
    expect(pool.totalCount).toBe(0);
    vi.useRealTimers();
    await requireGone(pid);
  });

  it('is kept past the default of pg, and closed after the time of the option', async () => {
    const pool = await open({ connectionIdleSeconds: 20 });
    const pid = await use(pool);
    vi.advanceTimersByTime(defaultOfPg + 1000);
    expect(await use(pool)).toBe(pid);
    vi.advanceTimersByTime(20_000);
    expect(pool.totalCount).toBe(0);
    vi.useRealTimers();
    await requireGone(pid);
  });

  it('is closed for its age all the same', async () => {
    const pool = await open({ connectionIdleSeconds: 20, connectionMaxAgeSeconds: 15 });
    const pid = await use(pool);
    vi.advanceTimersByTime(14_000);
    expect(await use(pool)).toBe(pid);
    vi.advanceTimersByTime(1000);
    expect(pool.totalCount).toBe(0);
    vi.useRealTimers();
    await requireGone(pid);
  });

  it('is closed for its uses all the same', async () => {
    const pool = await open({ connectionMaxUses: 2 });
    const pid = await use(pool);
    expect(await use(pool)).toBe(pid);
    expect(await use(pool)).not.toBe(pid);
    vi.useRealTimers();
    await requireGone(pid);
  });
});

it.each(['connectionIdleSeconds', 'connectionMaxAgeSeconds'])(
  '%s that no timer can wait for is refused, and so are none and parts of one',
  (option) => {
    const invalid = expect.objectContaining({
      code: 'TENANCY_OPTION_INVALID',
      fields: expect.objectContaining({ option }),
    });
    for (const seconds of [0, -1, 0.5, Number.NaN, 2_147_484])
      expect(() => resolveOptions({ url: database.url, [option]: seconds })).toThrow(invalid);
    expect(resolveOptions({ url: database.url, [option]: 2_147_483 })).toMatchObject({ [option]: 2_147_483 });
  },
);
