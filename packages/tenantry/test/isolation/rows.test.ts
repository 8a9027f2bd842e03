import { afterAll, beforeAll, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { Widget } from '../../../../test/support/widgets.js';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp('acme', 'globex');
});
afterAll(() => shop.close());

it('gives each tenant its own rows, ids and sequences', async () => {
  const { tenancy, orm } = shop;
  for (const tenant of ['acme', 'globex']) {
    await tenancy.run(tenant, async () => {
      orm.em.create(Widget, { name: `${tenant} widget` });
      await orm.em.flush();
    });
  }
  const seen = async (tenant: string) => tenancy.run(tenant, () => orm.em.find(Widget, {}));
  expect((await seen('acme')).map(({ id, name }) => [id, name])).toEqual([[1, 'acme widget']]);
  expect((await seen('globex')).map(({ id, name }) => [id, name])).toEqual([[1, 'globex widget']]);
});
