import Cursor from 'pg-cursor';
import { to as copyTo } from 'pg-copy-streams';
import QueryStream from 'pg-query-stream';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { scopedPool } from './support/pools.js';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp('acme');
  await shop.database.admin.query(
    'alter table acme_shop.widget alter constraint widget_maker_id_fkey deferrable initially deferred',
  );
});
afterAll(() => shop.close());

// The maker does not exist: PostgreSQL says so when it commits.
const insert = "insert into widget (name, maker_id) values ('late', 1000) returning name";

describe('a commit that fails after the last row is told to', () => {
  const readers: readonly (readonly [string, (client: pg.PoolClient) => Promise<unknown>])[] = [
    ['a statement', (client) => client.query(insert)],
    [
      'a cursor',
      async (client) => {
        const cursor = client.query(new Cursor(insert));
        try {
          return await cursor.read(10);
        } finally {
          await cursor.close();
        }
      },
    ],
    [
      'a stream',
      async (client) => {
        const rows = [];
        for await (const row of client.query(new QueryStream(insert))) rows.push(row);
        return rows;
      },
    ],
    [
      'COPY that is read',
      async (client) => {
        let text = '';
        for await (const chunk of client.query(copyTo(`copy (${insert}) to stdout`))) text += String(chunk);
        return text;
      },
    ],
  ];

  it.each(readers)('%s, and its connection goes on', async (_, read) => {
    const pool = await scopedPool(shop);
    const inAcme = <T>(fn: () => Promise<T>) => shop.tenancy.run('acme', fn);
    const client = await pool.connect();
    await expect(inAcme(() => read(client))).rejects.toMatchObject({ code: '23503' });
    expect((await inAcme(() => client.query('select count(*)::int as count from widget'))).rows).toEqual([
      { count: 0 },
    ]);
    client.release();
    expect(pool.idleCount).toBe(1);
    await pool.end();
  });
});
