import { IsolationLevel } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import Cursor from 'pg-cursor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { Widget } from '../../../../test/support/widgets.js';
import { plainPool } from './support/pools.js';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp('acme', 'globex');
  for (const tenant of ['acme', 'globex']) {
    await shop.database.admin.query(
      `insert into ${tenant}_shop.widget (name) select '${tenant} ' || n from generate_series(1, 250) n`,
    );
  }
});
afterAll(() => shop.close());

const sql = 'select name from widget order by id';
async function stream(em: EntityManager, text = sql): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of em
    .getConnection()
    .stream<{ name: string }>(text, [], em.getTransactionContext(), undefined, 100))
    names.push(name);
  return names;
}
const own = Array.from({ length: 250 }, (_, n) => `acme ${n + 1}`);
const inAcme = <T>(fn: (em: EntityManager) => Promise<T>, options = {}) =>
  shop.tenancy.run('acme', () => shop.orm.em.transactional(fn, options));

describe('a stream', () => {
  it('reads its own rows, piece by piece, while another tenant streams too', async () => {
    const theirs = shop.tenancy.run('globex', () => shop.orm.em.transactional((em) => stream(em)));
    expect(await inAcme((em) => stream(em))).toEqual(own);
    expect(await theirs).toEqual(own.map((name) => name.replace('acme', 'globex')));
  });

  it('streams entities of its own', async () => {
    const names = await inAcme(async (em) => {
      const found: string[] = [];
      for await (const { name } of em.stream(Widget, { orderBy: { id: 'asc' } })) found.push(name);
      return found;
    });
    expect(names).toEqual(own);
  });

  it('has a transaction of its own outside one, which ends with it', async () => {
    const { tenancy, orm } = shop;
    for (let round = 0; round < 3; round++) {
      expect(await tenancy.run('acme', () => stream(orm.em))).toEqual(own);
      const [first] = await tenancy.run('globex', () => stream(orm.em, `${sql} limit 1`));
      expect(first).toBe('globex 1');
    }
    await expect(tenancy.runInCatalog(() => stream(orm.em))).rejects.toMatchObject({ code: '42P01' });
    await expect(tenancy.run('acme', () => stream(orm.em, 'select 1 from globex_shop.widget'))).rejects.toThrow(
      'permission denied',
    );
    expect(tenancy.connections()).toMatchObject({ waiting: 0 });
  });

  it('is refused in another tenant’s transaction', async () => {
    const crossing = inAcme((theirs) => shop.tenancy.run('globex', () => stream(theirs)));
    await expect(crossing).rejects.toMatchObject({ code: 'TENANCY_SCOPE_MISMATCH' });
  });

  it('enters its scope where it is the first statement after an isolation level', async () => {
    expect(await inAcme((em) => stream(em), { isolationLevel: IsolationLevel.SERIALIZABLE })).toEqual(own);
  });

  it('enters its scope again where the role was changed before it', async () => {
    expect(await inAcme(async (em) => (await em.execute('set local role globex_shop'), stream(em)))).toEqual(own);
    const crossing = inAcme(
      async (em) => (await em.execute('set local role globex_shop'), stream(em, 'select name from globex_shop.widget')),
    );
    await expect(crossing).rejects.toThrow('permission denied');
  });

  it('may stop early, and its transaction goes on', async () => {
    const rows = await inAcme(async (em) => {
      for await (const row of em.getConnection().stream(sql, [], em.getTransactionContext())) {
        if (row) break;
      }
      return em.execute('select count(*)::int as count from widget');
    });
    expect(rows).toEqual([{ count: 250 }]);
  });
});

it('without the wall: a cursor on a plain pool reads whatever its connection was left with', async () => {
  const pool = await plainPool(shop);
  const first = await pool.connect();
  await first.query('set role globex_shop; set search_path to globex_shop');
  first.release();
  const next = await pool.connect();
  const cursor = next.query(new Cursor<{ name: string }>(sql));
  expect((await cursor.read(1)).map(({ name }) => name)).toEqual(['globex 1']);
  await cursor.close();
  next.release(true);
  await pool.end();
});
