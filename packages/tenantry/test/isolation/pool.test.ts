import { AsyncLocalStorage } from 'node:async_hooks';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { currentScope } from '../../src/context/current-scope.js';
import { scopeKey } from '../../src/context/scope.js';
import { plainPool, scopedPool } from './support/pools.js';
import { stock } from './support/stock.js';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp('acme', 'globex');
  await stock(shop, 'acme', 'globex');
});
afterAll(() => shop.close());

const sql = 'select name, current_user::text as role from widget, pg_sleep(0.01)';
type Row = { name: string; role: string };

/** Asks with a callback, as older code and some libraries do; answers with the scope that the callback ran in. */
const withCallback = (pool: pg.Pool) =>
  new Promise<{ row: Row | undefined; scope: string }>((resolve, reject) => {
    pool.query<Row>(sql, (error: Error | undefined, result: pg.QueryResult<Row>) => {
      if (error) reject(error);
      else resolve({ row: result.rows[0], scope: scopeKey(currentScope()) });
    });
  });

describe('a pool with more callers than connections', () => {
  it('runs each statement, and each callback, in its caller’s scope', async () => {
    const pool = await scopedPool(shop, { max: 2 });
    const asking = Array.from({ length: 60 }, async (_, n) => {
      const tenant = n % 2 === 0 ? 'acme' : 'globex';
      const { row, scope } = await shop.tenancy.run(tenant, () => withCallback(pool));
      expect({ ...row, scope }).toEqual({ name: `${tenant} widget`, role: `${tenant}_shop`, scope: `${tenant}_shop` });
    });
    await Promise.all(asking);
    expect(pool.totalCount).toBe(2);
    await pool.end();
  });

  it('does the same for clients that were asked for with a callback', async () => {
    const pool = await scopedPool(shop);
    const asking = ['acme', 'globex', 'acme', 'globex'].map((tenant) =>
      shop.tenancy.run(
        tenant,
        () =>
          new Promise<void>((resolve, reject) => {
            pool.connect((error, client, release) => {
              if (error || !client) return reject(error ?? new Error('no client'));
              expect(scopeKey(currentScope())).toBe(`${tenant}_shop`);
              client
                .query(sql)
                .then(
                  ({ rows }) => (expect(rows).toMatchObject([{ name: `${tenant} widget` }]), release(), resolve()),
                  reject,
                );
            });
          }),
      ),
    );
    await Promise.all(asking);
    await pool.end();
  });

  it('says so when none becomes free in time, and serves again after', async () => {
    const pool = await scopedPool(shop);
    const holding = await pool.connect();
    // Only now: it bounds the first connect as well.
    pool.options.connectionTimeoutMillis = 100;
    const waiting = shop.tenancy.run('acme', () => pool.query(sql));
    await expect(waiting).rejects.toMatchObject({
      code: 'TENANCY_POOL_EXHAUSTED',
      fields: { max: 1, acquireTimeoutMs: 100 },
    });
    await expect(shop.tenancy.run('acme', () => withCallback(pool))).rejects.toMatchObject({
      code: 'TENANCY_POOL_EXHAUSTED',
    });
    holding.release();
    expect((await shop.tenancy.run('acme', () => pool.query(sql))).rowCount).toBe(1);
    await pool.end();
  });
});

it('runs what a connection tells by itself in no scope, although a tenant made the connection', async () => {
  const pool = await scopedPool(shop);
  const told: string[] = [];
  await shop.tenancy.run('acme', async () => {
    const client = await pool.connect();
    client.on('notice', () => told.push(scopeKey(currentScope())));
    // Rolling back outside a transaction earns a notice.
    await client.query('rollback');
    client.release();
  });
  expect(told).toEqual(['none']);
  await pool.end();
});

it('without the wall: a plain pool calls back in the context of whoever gave the connection back', async () => {
  const pool = await plainPool(shop);
  const scope = new AsyncLocalStorage<string>();
  const seen: string[] = [];
  const ask = (tenant: string) =>
    scope.run(
      tenant,
      () =>
        new Promise<void>((resolve) =>
          pool.connect((_, __, release) => (seen.push(scope.getStore() ?? 'none'), release(), resolve())),
        ),
    );
  const holding = await scope.run('acme', () => pool.connect());
  const asked = ask('globex');
  scope.run('acme', () => holding.release());
  await asked;
  expect(seen).toEqual(['acme']);
  await pool.end();
});
