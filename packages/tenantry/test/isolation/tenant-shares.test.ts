import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { currentScope } from '../../src/context/current-scope.js';
import { scopeKey } from '../../src/context/scope.js';
import { toProblem } from '../../src/http/to-problem.js';
import type { ScopedPool } from '../../src/isolation/scoped-pool.js';
import { TenantShares } from '../../src/isolation/tenant-shares.js';
import { parseTenantId } from '../../src/tenant/tenant-id.js';
import { scopedPool } from './support/pools.js';
import { stock } from './support/stock.js';

/** Milliseconds that no healthy machine needs. */
const patienceMs = 30_000;

let shop: Shop;
let pool: ScopedPool;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp('acme', 'globex');
  await stock(shop, 'acme', 'globex');
});
afterAll(() => shop.close());

/** A pool whose tenants wait that long for their share; to connect takes as long as it takes. */
async function openPool(shareWaitMs: number): Promise<ScopedPool> {
  pool = await scopedPool(shop, { max: 3, maxPerTenant: 2, connectionTimeoutMillis: shareWaitMs });
  pool.options.connectionTimeoutMillis = patienceMs;
  return pool;
}

const hold = (tenant: string, count: number): Promise<pg.PoolClient[]> =>
  shop.tenancy.run(tenant, () => Promise.all(Array.from({ length: count }, () => pool.connect())));
const ask = (tenant: string) => shop.tenancy.run(tenant, () => pool.query<{ name: string }>('select name from widget'));
const release = (clients: readonly pg.PoolClient[]) => clients.forEach((client) => client.release());

/** The shares without a pool: time passes when the test says so. */
describe('a tenant’s share', () => {
  const [acme, globex] = [parseTenantId('acme'), parseTenantId('globex')];
  let shares: TenantShares;
  let turns: string[];
  beforeEach(() => {
    vi.useFakeTimers();
    shares = new TenantShares(2, 100);
    turns = [];
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const enter = (name: string, tenant = acme) =>
    shares.enter(tenant, (error) => turns.push(error ? `${name} refused` : name));

  it('is as many as there are, and each that is given back is one more', () => {
    for (const name of ['a', 'b', 'c', 'd']) enter(name);
    enter('other', globex);
    expect(turns).toEqual(['a', 'b', 'other']);
    shares.leave(acme);
    expect(turns).toEqual(['a', 'b', 'other', 'c']);
    shares.leave(acme);
    expect(turns).toEqual(['a', 'b', 'other', 'c', 'd']);
    // Two are held still: what went from hand to hand was given back by nobody.
    enter('e');
    shares.leave(acme);
    enter('f');
    expect(turns.slice(5)).toEqual(['e']);
    shares.leave(acme);
    expect(turns.slice(5)).toEqual(['e', 'f']);
  });

  it('is refused after the time of the option, and not before; what was refused is owed nothing', () => {
    enter('a');
    enter('b');
    enter('c');
    vi.advanceTimersByTime(50);
    enter('d');
    vi.advanceTimersByTime(49);
    expect(turns).toEqual(['a', 'b']);
    vi.advanceTimersByTime(1);
    expect(turns).toEqual(['a', 'b', 'c refused']);
    shares.leave(acme);
    expect(turns).toEqual(['a', 'b', 'c refused', 'd']);
    // Whoever had its turn is not refused any more.
    vi.advanceTimersByTime(1000);
    expect(turns).toEqual(['a', 'b', 'c refused', 'd']);
    shares.leave(acme);
    shares.leave(acme);
    enter('e');
    enter('f');
    enter('g');
    expect(turns.slice(4)).toEqual(['e', 'f']);
  });

  it('is remembered for those who have one, and for nobody else', () => {
    for (let n = 0; n < 1000; n++) {
      const tenant = parseTenantId(`t${n}`);
      enter('x', tenant);
      enter('y', tenant);
      shares.leave(tenant);
      expect(shares.tenants).toBe(1);
      shares.leave(tenant);
    }
    expect(shares.tenants).toBe(0);
    // Of nobody who has one, nothing is given back.
    shares.leave(acme);
    for (const name of ['a', 'b', 'c']) enter(name);
    expect(turns.slice(2000)).toEqual(['a', 'b']);
  });
});

describe('a pool whose tenants have a share', () => {
  beforeEach(() => openPool(patienceMs));
  afterEach(() => pool.end());

  it('serves the others at once while one tenant’s burst waits for itself', async () => {
    const held = await hold('acme', 2);
    const burst = Array.from({ length: 20 }, () => ask('acme'));
    for (let i = 0; i < 5; i++) expect((await ask('globex')).rows).toEqual([{ name: 'globex widget' }]);
    expect(pool.waitingCount).toBe(0);
    release(held);
    for (const answer of await Promise.all(burst)) expect(answer.rows).toEqual([{ name: 'acme widget' }]);
  });

  it('goes on in the scope of whoever waited, whoever gave the connection back', async () => {
    const held = await hold('acme', 2);
    const seen = shop.tenancy.run(
      'acme',
      () =>
        new Promise<string>((resolve) =>
          pool.connect((_, __, giveBack) => (resolve(scopeKey(currentScope())), giveBack())),
        ),
    );
    await shop.tenancy.run('globex', () => release(held));
    expect(await seen).toBe('acme_shop');
  });

  it('answers 429 with Retry-After when the tenant’s own share stays in use', async () => {
    await pool.end();
    pool = await openPool(100);
    const held = await hold('acme', 2);
    const error: unknown = await ask('acme').catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'TENANCY_TENANT_OVERLOADED', fields: { connectionsPerTenant: 2 } });
    expect(toProblem(error)).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
    release(held);
    expect((await ask('acme')).rowCount).toBe(1);
  });

  it('gives a share back whatever became of its connection', async () => {
    for (let i = 0; i < 3; i++) {
      const [lost, failed] = await hold('acme', 2);
      await shop.tenancy.run('acme', () =>
        expect(failed?.query('select no_such_column')).rejects.toMatchObject({ code: '42703' }),
      );
      lost?.release(true);
      failed?.release();
    }
    // All of the pool is somebody else's: what is refused has no share either.
    const others = await Promise.all([pool.connect(), pool.connect(), pool.connect()]);
    pool.options.connectionTimeoutMillis = 100;
    const refused = await Promise.allSettled([ask('acme'), ask('acme'), ask('acme')]);
    pool.options.connectionTimeoutMillis = patienceMs;
    const codes = refused.map((each) => each.status === 'rejected' && (each.reason as { code: string }).code);
    expect(codes).toContain('TENANCY_POOL_EXHAUSTED');
    release(others);
    release(await hold('acme', 2));
  });

  it('gives a share back whose connection was lost, although its holder never does', async () => {
    for (let i = 0; i < 3; i++) {
      const [lost, kept] = await hold('acme', 2);
      const { rows } = (await lost?.query<{ pid: number }>('select pg_backend_pid() as pid')) ?? { rows: [] };
      await shop.database.admin.query('select pg_terminate_backend($1, 1000)', [rows[0]?.pid]);
      release(await hold('acme', 1));
      kept?.release();
    }
  });

  it('never lets a tenant have more than its share, however its connections come and go', async () => {
    await pool.end();
    pool = await openPool(100);
    const refused = { code: 'TENANCY_TENANT_OVERLOADED' };
    let held = await hold('acme', 2);
    for (let i = 0; i < 3; i++) {
      release(held.slice(0, 1));
      held = [...held.slice(1), ...(await hold('acme', 1))];
      await expect(hold('acme', 1)).rejects.toMatchObject(refused);
    }
    release(held);
    held = await hold('acme', 2);
    await expect(hold('acme', 1)).rejects.toMatchObject(refused);
    const [twice, ...rest] = held;
    twice?.release();
    expect(() => twice?.release()).toThrow('already been released');
    held = [...rest, ...(await hold('acme', 1))];
    await expect(hold('acme', 1)).rejects.toMatchObject(refused);
    release(held);
  });

  it('leaves code without a tenant all of the pool', async () => {
    release(await Promise.all([pool.connect(), pool.connect(), pool.connect()]));
    expect(pool.totalCount).toBe(3);
  });
});

it('without shares: one tenant’s burst takes the pool, and another is refused', async () => {
  pool = await scopedPool(shop, { max: 3 });
  const held = await hold('acme', 3);
  // Only now: it bounds the first connect as well.
  pool.options.connectionTimeoutMillis = 100;
  await expect(ask('globex')).rejects.toMatchObject({ code: 'TENANCY_POOL_EXHAUSTED' });
  release(held);
  await pool.end();
});

it('is an option of the process, for an EntityManager as for all else', async () => {
  const own = await openShop({ connectionsPerTenant: 1, acquireTimeoutMs: 2000 });
  await own.signUp('acme', 'globex');
  const nothing = () => own.orm.em.fork().execute('select 1');
  await own.tenancy.run('acme', () =>
    own.orm.em.fork().transactional(async (em) => {
      await em.execute('select 1');
      await expect(nothing()).rejects.toMatchObject({ code: 'TENANCY_TENANT_OVERLOADED' });
      await own.tenancy.run('globex', nothing);
    }),
  );
  await own.tenancy.run('acme', nothing);
  await own.close();
});
