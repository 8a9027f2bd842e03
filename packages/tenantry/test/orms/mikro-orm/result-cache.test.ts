import { afterAll, beforeAll, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../../test/support/shop.js';
import { Widget } from '../../../../../test/support/widgets.js';
import { stock } from '../../isolation/support/stock.js';
import { openUnguarded } from '../../isolation/support/unguarded.js';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp('acme', 'globex');
  await stock(shop, 'acme', 'globex');
});
afterAll(() => shop.close());

const cached = { cache: ['all-widgets', 5000] as [string, number] };
const names = (tenant: string, options: object) =>
  shop.tenancy.run(tenant, async () => (await shop.orm.em.fork().find(Widget, {}, options)).map(({ name }) => name));

it.each([
  ['under a name of the service’s own', cached],
  ['under a name that MikroORM makes', { cache: 5000 }],
])('answers each tenant from its own rows, cached %s', async (_, options) => {
  expect(await names('acme', options)).toEqual(['acme widget']);
  expect(await names('globex', options)).toEqual(['globex widget']);
  await shop.database.admin.query("update acme_shop.widget set name = 'changed'");
  expect(await names('acme', options)).toEqual(['acme widget']);
  await shop.database.admin.query("update acme_shop.widget set name = 'acme widget'");
});

it('forgets one tenant’s answer and keeps the other’s', async () => {
  await names('acme', cached);
  await names('globex', cached);
  await shop.database.admin.query(
    "update acme_shop.widget set name = 'new'; update globex_shop.widget set name = 'new'",
  );
  await shop.tenancy.run('acme', () => shop.orm.em.clearCache('all-widgets'));
  expect(await names('acme', cached)).toEqual(['new']);
  expect(await names('globex', cached)).toEqual(['globex widget']);
});

it('refuses to be used outside any scope', async () => {
  await expect(shop.orm.em.fork().clearCache('all-widgets')).rejects.toMatchObject({ code: 'TENANCY_SCOPE_MISSING' });
});

it('without the wall: a named cache of MikroORM’s answers the next tenant with the first one’s rows', async () => {
  const { tenancy, orm, close } = await openUnguarded(shop.database.url);
  const find = () => orm.em.fork().find(Widget, {}, cached);
  await shop.database.admin.query(
    "update acme_shop.widget set name = 'acme’s'; update globex_shop.widget set name = 'globex’s'",
  );
  await tenancy.run('acme', find);
  expect((await tenancy.run('globex', find)).map(({ name }) => name)).toEqual(['acme’s']);
  await close();
});
