import type { EntityManager } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { Maker, Widget } from '../../../../test/support/widgets.js';
import { stock } from '../isolation/support/stock.js';
import { openUnguarded } from '../isolation/support/unguarded.js';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp('acme', 'globex');
  await stock(shop, 'acme', 'globex');
});
afterAll(() => shop.close());

/** Takes something out of acme's scope. Wrapped, because a query is a thenable and would run at once. */
const outOfAcme = <T>(make: (em: EntityManager) => T) =>
  shop.tenancy
    .run('acme', async () => ({ taken: await Promise.resolve({ value: make(shop.orm.em.fork()) }) }))
    .then(({ taken }) => taken.value);
const mismatch = { code: 'TENANCY_SCOPE_MISMATCH' };
const missing = { code: 'TENANCY_SCOPE_MISSING' };

/** What may outlive its block, and how it is used then. */
const uses: Readonly<
  Record<string, { make: (em: EntityManager) => unknown; use: (taken: never) => Promise<unknown> }>
> = {
  'an EntityManager': { make: (em) => em, use: (em: EntityManager) => em.find(Widget, {}) },
  'a repository': {
    make: (em) => em.getRepository(Widget),
    use: (repository: { findAll(): Promise<unknown> }) => repository.findAll(),
  },
  'a QueryBuilder': {
    make: (em) => em.createQueryBuilder(Widget, 'w').where({ id: 1 }),
    use: (query: { getResultList(): Promise<unknown> }) => query.getResultList(),
  },
  'a QueryBuilder with a join': {
    make: (em) => em.createQueryBuilder(Widget, 'w').leftJoinAndSelect('w.maker', 'm'),
    use: (query: { getResultList(): Promise<unknown> }) => query.getResultList(),
  },
};

describe('used in another tenant’s scope after its block ended', () => {
  it.each(Object.entries(uses))('%s never reads that tenant’s rows', async (_, { make, use }) => {
    const taken = await outOfAcme(make);
    await expect(shop.tenancy.run('globex', () => use(taken as never))).rejects.toThrow(
      /belongs to the scope "acme_shop"|permission denied for schema acme_shop/,
    );
  });

  it.each(Object.entries(uses))('%s reads nothing at all outside any scope', async (_, { make, use }) => {
    const taken = await outOfAcme(make);
    await expect(use(taken as never)).rejects.toThrow(/outside any scope|permission denied for schema acme_shop/);
  });

  it('a lazy relation is refused', async () => {
    const widget = await shop.tenancy.run('acme', () => shop.orm.em.findOneOrFail(Widget, 1));
    const maker = await shop.tenancy.run('acme', () => shop.orm.em.findOneOrFail(Maker, 2));
    await shop.tenancy.run('globex', async () => {
      await expect(widget.tags.init()).rejects.toMatchObject(mismatch);
      await expect(widget.tags.loadCount()).rejects.toMatchObject(mismatch);
      await expect(maker.widgets.init()).rejects.toMatchObject(mismatch);
    });
    await expect(widget.tags.init()).rejects.toMatchObject(missing);
    expect(widget.tags.isInitialized()).toBe(false);
  });

  it('works again in its own tenant’s scope', async () => {
    const widget = await shop.tenancy.run('acme', () => shop.orm.em.findOneOrFail(Widget, 1));
    await shop.tenancy.run('acme', () => widget.tags.init());
    expect(widget.tags.getItems().map(({ name }) => name)).toEqual(['acme tag']);
  });
});

describe('work that nobody waited for', () => {
  it('goes on in the tenant’s scope after the block ended', async () => {
    let finished: Promise<Widget[]> | undefined;
    await shop.tenancy.run('acme', () => {
      finished = new Promise((resolve) => setTimeout(resolve, 20)).then(() => shop.orm.em.fork().find(Widget, {}));
    });
    await shop.tenancy.run('globex', () => shop.orm.em.find(Widget, {}));
    expect((await finished)?.map(({ name }) => name)).toEqual(['acme widget']);
  });
});

describe('an EntityManager whose schema is changed', () => {
  const namesIn = async (schema: string) =>
    (await shop.database.admin.query<{ name: string }>(`select name from ${schema}.widget order by id`)).rows.map(
      ({ name }) => name,
    );

  it('keeps what was made before in its own tenant, and is refused everything after', async () => {
    await shop.tenancy.run('acme', async () => {
      const em = shop.orm.em.fork();
      const before = em.create(Widget, { name: 'made before' });
      em.schema = 'globex_shop';
      await em.persist(before).flush();
      expect(() => em.create(Widget, { name: 'made after' })).toThrow(expect.objectContaining(mismatch));
      await expect(em.find(Widget, {})).rejects.toMatchObject(mismatch);
      await expect(em.nativeDelete(Widget, {})).rejects.toMatchObject(mismatch);
    });
    expect(await namesIn('acme_shop')).toEqual(['acme widget', 'made before']);
    expect(await namesIn('globex_shop')).toEqual(['globex widget']);
  });

  it('without the wall: splits one flush over two tenants', async () => {
    const unguarded = await openUnguarded(shop.database.url);
    await unguarded.tenancy.run('acme', async () => {
      const em = unguarded.orm.em.fork();
      em.create(Widget, { name: 'for acme' });
      em.schema = 'globex_shop';
      em.create(Widget, { name: 'for acme too' });
      await em.flush();
    });
    expect(await namesIn('globex_shop')).toEqual(['globex widget', 'for acme too']);
    await unguarded.close();
  });
});

it('without the wall: a plain EntityManager that outlived its block reads its old tenant in the new one’s scope', async () => {
  const unguarded = await openUnguarded(shop.database.url);
  const em = await unguarded.tenancy.run('acme', () => ({ fork: unguarded.orm.em.fork() }));
  const names = await unguarded.tenancy.run('globex', async () =>
    (await em.fork.find(Widget, {})).map(({ name }) => name),
  );
  expect(names[0]).toBe('acme widget');
  await unguarded.close();
});
