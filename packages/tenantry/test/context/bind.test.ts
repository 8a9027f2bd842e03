import { EventEmitter } from 'node:events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { Widget } from '../../../../test/support/widgets.js';

const tenants = ['acme', 'globex'] as const;
let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp(...tenants);
  for (const tenant of tenants) {
    await shop.tenancy.run(tenant, async () => {
      shop.orm.em.create(Widget, { name: tenant });
      await shop.orm.em.flush();
    });
  }
});
afterAll(() => shop.close());

const names = async () => (await shop.orm.em.find(Widget, {})).map(({ name }) => name).join();

it('keeps the scope that it was made in, whoever calls and when', async () => {
  const { tenancy } = shop;
  const emitter = new EventEmitter();
  const seen: Promise<string>[] = [];
  for (const tenant of tenants) {
    await tenancy.run(tenant, () =>
      emitter.on(
        'event',
        tenancy.bind((suffix: string) => seen.push(names().then((n) => n + suffix))),
      ),
    );
  }
  emitter.emit('event', ' by nobody');
  await tenancy.run('globex', () => emitter.emit('event', ' by globex'));
  await tenancy.runInCatalog(() => emitter.emit('event', ' by the catalog'));
  expect(await Promise.all(seen)).toEqual(
    [' by nobody', ' by globex', ' by the catalog'].flatMap((by) => tenants.map((tenant) => tenant + by)),
  );
});

it('would see the scope of whoever emits without it', async () => {
  const emitter = new EventEmitter();
  const seen: Promise<string>[] = [];
  await shop.tenancy.run('acme', () => emitter.on('event', () => seen.push(names())));
  await shop.tenancy.run('globex', () => emitter.emit('event'));
  expect(await Promise.all(seen)).toEqual(['globex']);
});

it('hands over `this`, what it was called with and what it answers, and lets errors through', async () => {
  const { tenancy } = shop;
  const counter = {
    count: 2,
    add(this: { count: number }, ...more: number[]) {
      return more.reduce((sum, n) => sum + n, this.count);
    },
  };
  const add = await tenancy.run('acme', () => tenancy.bind(counter.add));
  expect(add.call(counter, 3, 4)).toBe(9);
  const failing = await tenancy.run('acme', () =>
    tenancy.bind(() => {
      throw new Error('its own');
    }),
  );
  expect(failing).toThrow('its own');
  expect(tenancy.current()).toBeUndefined();
});

it('gives each call an EntityManager of its own, outside the transaction that is open around it', async () => {
  const { tenancy, orm } = shop;
  const [bound, made] = await tenancy.run('acme', () => [tenancy.bind(() => orm.em.getContext()), orm.em.getContext()]);
  const managers = [bound(), bound()];
  expect(new Set([...managers, made]).size).toBe(3);
  await tenancy.run('acme', () =>
    orm.em.transactional(async (em) => {
      expect(bound()).not.toBe(em);
      expect(bound().isInTransaction()).toBe(false);
    }),
  );
});

it('keeps the catalog scope as well, and refuses at once where there is none to keep', async () => {
  const { tenancy } = shop;
  const kind = await tenancy.runInCatalog(() => tenancy.bind(() => tenancy.current()?.kind));
  expect(await tenancy.run('acme', () => kind())).toBe('catalog');
  expect(() => tenancy.bind(names)).toThrow(
    expect.objectContaining({ code: 'TENANCY_SCOPE_MISSING', fields: { what: 'tenancy.bind()' } }),
  );
});
