import pg from 'pg';
import Cursor from 'pg-cursor';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import type { ScopedPool } from '../../src/isolation/scoped-pool.js';
import { scopedPool } from './support/pools.js';
import { stock, widgetNames } from './support/stock.js';

let shop: Shop;
let pool: ScopedPool;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp('acme', 'globex');
  await stock(shop, 'acme', 'globex');
});
beforeEach(async () => {
  pool = await scopedPool(shop);
});
afterEach(() => pool.end());
afterAll(() => shop.close());

const as = <T>(tenant: string, fn: () => Promise<T>) => shop.tenancy.run(tenant, fn);
const pidOf = (client: pg.PoolClient) => (client as unknown as { processID: number }).processID;
const insert = "insert into widget (name) values ('acme extra')";

/** What turns texts into values: the next holder's rows would go through it. */
const stealing = { note: 'mine', _types: { getTypeParser: () => (text: string) => `stolen ${text}` } };

describe('a client that was lent', () => {
  it('is no longer its holder’s', async () => {
    const first = await pool.connect();
    first.release();
    expect(() => first.release()).toThrow('already been released');
    const second = await pool.connect();
    await as('acme', async () => {
      await second.query('begin');
      const refused = { code: 'TENANCY_STATEMENT_REFUSED' };
      await expect(first.query(insert)).rejects.toMatchObject(refused);
      await expect(new Promise((_, reject) => first.query(insert, reject))).rejects.toMatchObject(refused);
      await expect(first.query(new Cursor('select 1')).read(1)).rejects.toMatchObject(refused);
      expect(() => first.release()).toThrow('already been released');
      await second.query('rollback');
    });
    second.release();
    expect(await widgetNames(shop, 'acme')).toEqual(['acme widget']);
  });

  it('keeps nothing that its holder had set on it, and does not let him end it', async () => {
    const first = await pool.connect();
    const heard: unknown[] = [];
    first.on('notice', (notice) => heard.push(notice));
    first.setTypeParser(pg.types.builtins.TEXT, (text) => `parsed ${text}`);
    const own = await as('acme', () => first.query("select 'a'::text as a"));
    expect(own.rows).toEqual([{ a: 'parsed a' }]);
    first.release();
    const second = await pool.connect();
    expect(pidOf(second)).toBe(pidOf(first));
    Object.assign(first, stealing);
    await as('globex', async () => {
      await second.query('begin');
      await first.end();
      first.on('notice', (notice) => heard.push(notice));
      await second.query('rollback');
      await second.query('rollback');
      expect((await second.query("select 'a'::text as a")).rows).toEqual([{ a: 'a' }]);
    });
    expect(heard).toEqual([]);
    second.release();
  });

  it('keeps no property that its holder had set on it', async () => {
    const first = await pool.connect();
    const pid = pidOf(first);
    Object.assign(first, stealing);
    expect((await as('acme', () => first.query("select 'a'::text as a"))).rows).toEqual([{ a: 'stolen a' }]);
    Object.defineProperty(first, 'defined', { value: 'mine', configurable: true });
    Reflect.deleteProperty(first, 'processID');
    expect(() => Object.setPrototypeOf(first, {}) as unknown).toThrow(TypeError);
    expect(() => Object.defineProperty(first, 'note', { get: () => 'mine' })).toThrow(TypeError);
    first.release();
    Object.defineProperty(first, 'late', { value: 'mine', configurable: true });
    Reflect.deleteProperty(first, 'processID');
    const second = await pool.connect();
    expect(pidOf(second)).toBe(pid);
    expect((await as('globex', () => second.query("select 'a'::text as a"))).rows).toEqual([{ a: 'a' }]);
    for (const name of ['note', 'defined', 'late']) expect(second).not.toHaveProperty(name);
    second.release();
  });
});
