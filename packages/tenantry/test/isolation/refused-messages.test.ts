import type pg from 'pg';
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
afterEach(async () => {
  const { rows } = await as('globex', () => pool.query('select name from widget'));
  expect(rows).toEqual([{ name: 'globex widget' }]);
  await pool.end();
});
afterAll(() => shop.close());

const as = <T>(tenant: string, fn: () => Promise<T>) => shop.tenancy.run(tenant, fn);

describe('a statement that cannot be sent', () => {
  it.each([[{}], [{ text: 7 }], [{ values: [] }]])('fails, and the connection goes on: %j', async (config) => {
    const client = await pool.connect();
    await expect(as('acme', () => client.query(config as never))).rejects.toThrow('text');
    await expect(as('acme', async () => client.query(undefined as never))).rejects.toThrow(TypeError);
    expect((await as('acme', () => client.query('select 1 as one'))).rows).toEqual([{ one: 1 }]);
    client.release();
  });

  it('is told once, to a callback too', async () => {
    const client = await pool.connect();
    const unsendable = { toPostgres: () => { throw new Error('no such value'); } }; // prettier-ignore
    const told: (string | undefined)[] = [];
    await as('acme', async () => {
      client.query('select $1::text', [unsendable], (error) => told.push(error?.message));
      await client.query('select 1');
    });
    expect(told).toEqual(['no such value']);
    client.release();
  });

  it('is told by PostgreSQL where it is a mistake, and not run', async () => {
    await expect(as('acme', () => pool.query('selec 1'))).rejects.toMatchObject({ code: '42601', position: '1' });
    await expect(as('acme', () => pool.query('begin; drop table widget'))).rejects.toMatchObject({ code: '42601' });
  });
});

describe('a message that the gate did not admit', () => {
  const reach = (client: pg.PoolClient) =>
    (client as unknown as { connection: { query(text: string): void; parse(message: object): void; sync(): void } })
      .connection;

  it.each([
    [
      'a text',
      (client: pg.PoolClient) => reach(client).query("insert into acme_shop.widget (name) values ('acme extra')"),
    ],
    [
      'a statement',
      (client: pg.PoolClient) => (reach(client).parse({ text: 'select 1', name: 'p' }), reach(client).sync()),
    ],
  ])('closes the connection it was written to: %s', async (_, send) => {
    const client = await pool.connect();
    const lost = new Promise((resolve) => client.once('error', resolve));
    send(client);
    await expect(lost).resolves.toMatchObject({ code: 'TENANCY_STATEMENT_REFUSED' });
    client.release();
    expect(await widgetNames(shop, 'acme')).toEqual(['acme widget']);
  });

  it('closes it too when an object sends what it had not shown', async () => {
    const client = await pool.connect();
    const refused = new Promise((_, reject) => {
      const liar = {
        text: 'select 1',
        submit: ({ query }: { query(text: string): void }) => query.call(reach(client), 'set role globex_shop'),
        handleError: reject,
        handleReadyForQuery: () => reject(new Error('It was sent.')),
      };
      void as('acme', async () => void client.query(liar as never));
    });
    await expect(refused).rejects.toMatchObject({ code: 'TENANCY_STATEMENT_REFUSED' });
    client.release();
  });
});
