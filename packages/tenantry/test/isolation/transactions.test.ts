import { IsolationLevel } from '@mikro-orm/core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { Widget } from '../../../../test/support/widgets.js';
import { plainPool, scopedPool, settingsOf } from './support/pools.js';
import { stock, widgetNames } from './support/stock.js';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp('acme', 'globex');
});
beforeEach(async () => {
  await shop.database.admin.query(
    'truncate acme_shop.widget, acme_shop.maker, acme_shop.tag, acme_shop.widget_tags restart identity',
  );
  await shop.database.admin.query(
    'truncate globex_shop.widget, globex_shop.maker, globex_shop.tag, globex_shop.widget_tags restart identity',
  );
  await stock(shop, 'acme', 'globex');
});
afterAll(() => shop.close());

it('keeps its scope from begin to commit, through savepoints and rollbacks to them', async () => {
  const { tenancy, orm } = shop;
  await tenancy.run('acme', () =>
    orm.em.transactional(async (em) => {
      em.create(Widget, { name: 'kept' });
      await em.flush();
      const undone = em.transactional(async (inner) => {
        inner.create(Widget, { name: 'undone' });
        await inner.flush();
        throw new Error('undo');
      });
      await expect(undone).rejects.toThrow('undo');
      expect(await em.execute('select current_user::text as role, name from widget order by id')).toEqual([
        { role: 'acme_shop', name: 'acme widget' },
        { role: 'acme_shop', name: 'kept' },
      ]);
    }),
  );
  expect(await widgetNames(shop, 'acme')).toEqual(['acme widget', 'kept']);
  expect(await widgetNames(shop, 'globex')).toEqual(['globex widget']);
});

it.each([
  ['serializable', { isolationLevel: IsolationLevel.SERIALIZABLE }],
  ['repeatable read', { isolationLevel: IsolationLevel.REPEATABLE_READ }],
  ['read committed', { isolationLevel: IsolationLevel.READ_COMMITTED }],
])('runs at the isolation level that was asked for: %s', async (level, options) => {
  const rows = await shop.tenancy.run('acme', () =>
    shop.orm.em.transactional(
      (em) => em.execute("select current_setting('transaction_isolation') as level, name from widget"),
      options,
    ),
  );
  expect(rows).toEqual([{ level, name: 'acme widget' }]);
});

it('refuses writes in a transaction that is read only', async () => {
  const writing = shop.tenancy.run('acme', () =>
    shop.orm.em.transactional((em) => em.execute("insert into widget (name) values ('x')"), { readOnly: true }),
  );
  await expect(writing).rejects.toMatchObject({ code: '25006' });
});

it('refuses a transaction of another scope before anything is sent, and leaves it usable', async () => {
  const { tenancy, orm } = shop;
  const mismatch = { code: 'TENANCY_SCOPE_MISMATCH' };
  await tenancy.run('acme', () =>
    orm.em.transactional(async (theirs) => {
      await tenancy.run('globex', async () => {
        await expect(theirs.execute("insert into widget (name) values ('stray')")).rejects.toMatchObject(mismatch);
        await expect(theirs.find(Widget, {})).rejects.toMatchObject(mismatch);
      });
      await tenancy.runInCatalog(() => expect(theirs.execute('select 1')).rejects.toMatchObject(mismatch));
      await theirs.execute("insert into widget (name) values ('own')");
    }),
  );
  expect(await widgetNames(shop, 'acme')).toEqual(['acme widget', 'own']);
  expect(await widgetNames(shop, 'globex')).toEqual(['globex widget']);
});

it('keeps work of a nested scope out of the transaction around it', async () => {
  const { tenancy, orm } = shop;
  const outer = tenancy.run('acme', () =>
    orm.em.transactional(async (em) => {
      em.create(Widget, { name: 'undone' });
      await em.flush();
      await tenancy.run('globex', async () => {
        orm.em.create(Widget, { name: 'kept' });
        await orm.em.flush();
      });
      throw new Error('undo the outer one');
    }),
  );
  await expect(outer).rejects.toThrow('undo the outer one');
  expect(await widgetNames(shop, 'acme')).toEqual(['acme widget']);
  expect(await widgetNames(shop, 'globex')).toEqual(['globex widget', 'kept']);
});

describe('a connection given back in the middle of a transaction', () => {
  const leaveOpen = ['begin', "insert into widget (name) values ('left behind')"];

  it('is not handed on, and what it did is gone', async () => {
    const pool = await scopedPool(shop);
    const first = await pool.connect();
    await shop.tenancy.run('acme', async () => {
      for (const sql of leaveOpen) await first.query(sql);
    });
    first.release();
    const next = await pool.connect();
    expect(next).not.toBe(first);
    expect(await settingsOf(next)).toMatchObject({ role: 'none', idle: true });
    next.release();
    await pool.end();
    expect(await widgetNames(shop, 'acme')).toEqual(['acme widget']);
  });

  it('without the wall: the next borrower of a plain pool is inside it, as that tenant', async () => {
    const pool = await plainPool(shop);
    const first = await pool.connect();
    for (const sql of ['begin', 'set local role acme_shop', 'set local search_path to acme_shop', leaveOpen[1] ?? ''])
      await first.query(sql);
    first.release();
    const next = await pool.connect();
    expect((await next.query('select current_user::text as role, name from widget where id = 2')).rows).toEqual([
      { role: 'acme_shop', name: 'left behind' },
    ]);
    next.release(true);
    await pool.end();
  });
});
