import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { Widget } from '../../../../test/support/widgets.js';
import { openUnguarded } from './support/unguarded.js';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp('acme', 'globex');
});
beforeEach(() => shop.database.admin.query('truncate acme_shop.widget, globex_shop.widget restart identity cascade'));
afterAll(() => shop.close());

const write = (tenant: string) =>
  shop.tenancy.run(tenant, async () => {
    shop.orm.em.create(Widget, { name: `${tenant} widget` });
    await shop.orm.em.flush();
  });

it('gives each tenant its own rows, ids and sequences', async () => {
  for (const tenant of ['acme', 'globex']) await write(tenant);
  const seen = async (tenant: string) => shop.tenancy.run(tenant, () => shop.orm.em.find(Widget, {}));
  expect((await seen('acme')).map(({ id, name }) => [id, name])).toEqual([[1, 'acme widget']]);
  expect((await seen('globex')).map(({ id, name }) => [id, name])).toEqual([[1, 'globex widget']]);
});

it('loads different records for one id, also with an EntityManager that both use', async () => {
  for (const tenant of ['acme', 'globex']) await write(tenant);
  // Made outside any scope, it belongs to nobody, and its identity map holds both.
  const em = shop.orm.em.fork();
  const load = (tenant: string) => shop.tenancy.run(tenant, () => em.findOneOrFail(Widget, 1));
  const [acme, globex, again] = [await load('acme'), await load('globex'), await load('acme')];
  expect([acme.name, globex.name, again === acme]).toEqual(['acme widget', 'globex widget', true]);
});

it('takes ids from the tenant’s own sequence, whoever used the entity first', async () => {
  const idsAfter = (tenant: string, count: number) =>
    shop.tenancy.run(tenant, async () => {
      const { em } = shop.orm;
      // MikroORM answers only the first id of plain data, with or without us, so the table is asked.
      await em.insertMany(
        Widget,
        Array.from({ length: count }, () => ({ name: tenant })),
      );
      return (await em.find(Widget, {}, { orderBy: { id: 'asc' } })).map(({ id }) => id);
    });
  expect(await idsAfter('globex', 5)).toEqual([1, 2, 3, 4, 5]);
  expect(await idsAfter('acme', 3)).toEqual([1, 2, 3]);
  expect(await idsAfter('globex', 1)).toEqual([1, 2, 3, 4, 5, 6]);
});

it('without the wall: a plain EntityManager whose search path moves on answers with the first tenant’s record', async () => {
  for (const tenant of ['acme', 'globex']) await write(tenant);
  const { orm, close } = await openUnguarded(shop.database.url);
  const em = orm.em.fork({ schema: 'acme_shop' });
  const acme = await em.findOneOrFail(Widget, 1);
  await em.execute('set search_path to globex_shop');
  expect(await em.findOneOrFail(Widget, 1)).toBe(acme);
  await close();
});
