import { type EntityManager, MikroORM } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../../test/support/shop.js';
import { Maker, Widget, widgetEntities } from '../../../../../test/support/widgets.js';
import { stock } from '../../isolation/support/stock.js';

const tenants = ['acme', 'globex'];
let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp(...tenants);
  await stock(shop, ...tenants);
});
afterAll(() => shop.close());

const dataloader = true;

// The query for the many-to-many relation leaves without a schema: MikroORM forgets it here.
async function tagsOf(em: EntityManager): Promise<string[]> {
  const widget = await em.findOneOrFail(Widget, { name: { $like: '% widget' } });
  return (await widget.tags.load({ dataloader })).map(({ name }) => name);
}

async function widgetsOf(em: EntityManager): Promise<string[]> {
  const maker = await em.findOneOrFail(Maker, { widgets: { $some: {} } });
  return (await maker.widgets.load({ dataloader })).map(({ name }) => name);
}

it('loads relations of tenants at the same time, and each gets its own', async () => {
  const load = (tenant: string) =>
    shop.tenancy.run(tenant, async () => [...(await tagsOf(shop.orm.em)), ...(await widgetsOf(shop.orm.em))]);
  const both = [...tenants, ...tenants];
  expect(await Promise.all(both.map(load))).toEqual(both.map((tenant) => [`${tenant} tag`, `${tenant} widget`]));
});

it('gives back entities that are the tenant’s, to change and to save', async () => {
  await shop.tenancy.run('acme', async () => {
    const widget = await shop.orm.em.findOneOrFail(Widget, { name: 'acme widget' });
    for (const tag of await widget.tags.load({ dataloader })) tag.name = 'changed';
    await shop.orm.em.flush();
  });
  const { rows } = await shop.database.admin.query(
    `select 'acme' as tenant, name from acme_shop.tag union all select 'globex', name from globex_shop.tag order by 1`,
  );
  expect(rows).toEqual([
    { tenant: 'acme', name: 'changed' },
    { tenant: 'globex', name: 'globex tag' },
  ]);
});

it('without the wall: a plain MikroORM answers from the schema that somebody left on the connection', async () => {
  const orm = await MikroORM.init({
    clientUrl: shop.database.url,
    entities: widgetEntities,
    driverOptions: { options: '-c search_path=globex_shop' },
  });
  try {
    expect(await tagsOf(orm.em.fork({ schema: 'acme_shop' }))).toEqual(['globex tag']);
  } finally {
    await orm.close();
  }
});
