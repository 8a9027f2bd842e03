import type pg from 'pg';
import Cursor from 'pg-cursor';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import type { ScopedPool } from '../../src/isolation/scoped-pool.js';
import { loginsOf, type Logins } from './support/logins.js';
import { pastTheGate, scopedPool, serviceUrl } from './support/pools.js';
import { widgetNames } from './support/stock.js';

let shop: Shop;
let logins: Logins;
beforeAll(async () => {
  shop = await openShop();
  logins = loginsOf(shop.database);
  await shop.signUp('acme', 'globex');
});
afterAll(async () => {
  await shop.close();
  await logins.drop();
});
beforeEach(() => shop.database.admin.query('truncate acme_shop.widget cascade'));

const inAcme = <T>(fn: () => Promise<T>) => shop.tenancy.run('acme', fn);
const insert = (name: string) => `insert into widget (name) values ('${name}')`;
const transaction = 'select pg_current_xact_id()::text as id';

/** A connection that can enter no scope until it is closed, and so runs nothing. */
async function withUnfit<T>(fn: (client: pg.PoolClient, pool: ScopedPool) => Promise<T>): Promise<T> {
  const pool = await scopedPool(shop);
  const client = await pool.connect();
  await pastTheGate(client, 'set role globex_shop');
  try {
    return await inAcme(() => fn(client, pool));
  } finally {
    client.release();
    await pool.end();
  }
}

describe('a statement that had not run', () => {
  it('is sent again on a new connection, and what was asked meanwhile comes after it, in the same transaction', async () => {
    const seen = await withUnfit(async (client, pool) => {
      const meanwhile: Promise<unknown>[] = [];
      // The connection was given back, and the new one does not stand yet.
      pool.once('release', () => {
        meanwhile.push(
          inAcme(async () => (await client.query<{ id: string }>(transaction)).rows[0]?.id),
          inAcme(() => client.query(new Cursor<{ name: string }>('select name from widget')).read(5)),
          inAcme(
            () =>
              new Promise((resolve, reject) => {
                client.query(insert('third'), (error: Error | null) => (error ? reject(error) : resolve('third')));
              }),
          ),
        );
      });
      await client.query('begin');
      await client.query(insert('first'));
      const answers = await Promise.all(meanwhile);
      const { rows } = await client.query<{ id: string }>(transaction);
      await client.query('commit');
      return { answers, id: rows[0]?.id };
    });
    expect(seen.answers).toEqual([seen.id, [{ name: 'first' }], 'third']);
    expect(await widgetNames(shop, 'acme')).toEqual(['first', 'third']);
  });

  it.each(['two texts', 'a text and a cursor'])(
    'takes no transaction on without what was sent together with it: %s',
    async (what) => {
      await withUnfit(async (client) => {
        await client.query('begin');
        const first = client.query(insert('first'));
        const second =
          what === 'two texts'
            ? client.query(insert('second'))
            : client.query(new Cursor(`${insert('second')} returning name`)).read(1);
        const outcomes = await Promise.allSettled([first, second]);
        expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
        await client.query('commit').catch(() => undefined);
        await client.query('rollback');
        await client.query(insert('afterwards'));
      });
      expect(await widgetNames(shop, 'acme')).toEqual(['afterwards']);
    },
  );
});

describe('a role that one connection denies', () => {
  /** A connection that does not know of the tenants' roles, in a pool whose new ones do. */
  async function withStale<T>(fn: (pool: ScopedPool) => Promise<T>): Promise<T> {
    const connectionString = await logins.create('stranger');
    const { username } = new URL(connectionString);
    await shop.database.admin.query(
      `grant execute on function pg_catalog.set_config(text, text, boolean) to ${username}`,
    );
    const pool = await scopedPool(shop, { connectionString }, { catalogRole: 'none' });
    try {
      await pool.query('select 1');
      pool.options.connectionString = await serviceUrl(shop);
      return await fn(pool);
    } finally {
      await pool.end();
    }
  }

  it('is entered on a new one, by a statement, by a transaction’s first, and by a report’s select', async () => {
    const ways: readonly ((pool: ScopedPool) => Promise<unknown>)[] = [
      (pool) => pool.query(insert('kept')),
      async (pool) => {
        const client = await pool.connect();
        for (const text of ['begin', insert('kept'), 'commit']) await client.query(text);
        client.release();
      },
      async (pool) => {
        const scope = await shop.tenancy.run('acme', () => shop.tenancy.require());
        await pool.readOnly({ scope, text: "select pg_sleep(0), 'kept'", rowsMax: 1 });
        await pool.query(insert('kept'));
      },
    ];
    for (const way of ways) await withStale((pool) => inAcme(() => way(pool)));
    expect(await widgetNames(shop, 'acme')).toEqual(['kept', 'kept', 'kept']);
  });

  it('refuses a cursor there, and nobody after it', async () => {
    const names = await withStale(async (pool) => {
      const client = await pool.connect();
      const reading = inAcme(() => client.query(new Cursor(`${insert('first')} returning name`)).read(5));
      await expect(reading).rejects.toMatchObject({ code: 'TENANCY_SCOPE_REFUSED' });
      client.release();
      const next = await pool.connect();
      const rows = await inAcme(() => next.query(new Cursor(`${insert('second')} returning name`)).read(5));
      next.release();
      return rows;
    });
    expect(names).toEqual([{ name: 'second' }]);
    expect(await widgetNames(shop, 'acme')).toEqual(['second']);
  });

  it('is refused where new ones deny it too, which are not made for every request', async () => {
    const { database } = shop;
    const login = `tenantry_${database.name}`;
    const pool = await scopedPool(shop);
    let made = 0;
    pool.on('connect', () => made++);
    await database.admin.query(`revoke acme_shop from ${login}`);
    try {
      const began = performance.now();
      for (let request = 0; request < 60; request++) {
        const client = await pool.connect();
        const refused = inAcme(() => client.query('select 1'));
        await expect(refused).rejects.toMatchObject({ code: 'TENANCY_SCOPE_REFUSED' });
        client.release();
      }
      const seconds = Math.ceil((performance.now() - began) / 1000) + 1;
      expect(made).toBeGreaterThan(1);
      expect(made).toBeLessThanOrEqual(1 + seconds);
    } finally {
      await database.admin.query(`grant acme_shop to ${login}`);
      await pool.end();
    }
  });
});
