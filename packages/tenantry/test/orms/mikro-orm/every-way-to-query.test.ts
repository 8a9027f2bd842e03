import { LockMode, raw } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../../test/support/shop.js';
import { Maker, Tag, Widget } from '../../../../../test/support/widgets.js';
import { stock } from '../../isolation/support/stock.js';

const tenants = ['acme', 'globex'] as const;
let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp(...tenants);
});
beforeEach(async () => {
  for (const schema of ['acme_shop', 'globex_shop']) {
    await shop.database.admin.query(
      `truncate ${schema}.widget_tags, ${schema}.widget, ${schema}.maker, ${schema}.tag restart identity`,
    );
  }
  await stock(shop, ...tenants);
});
afterAll(() => shop.close());

/** Parts of MikroORM that have lost the schema in one version or another; each answers with names of what it reached. */
const ways: Readonly<Record<string, (em: EntityManager, tenant: string) => Promise<(string | undefined)[]>>> = {
  find: async (em) => (await em.find(Widget, {})).map(({ name }) => name),
  'populate, joined': async (em) =>
    (await em.find(Widget, {}, { populate: ['maker', 'tags'], strategy: 'joined' })).flatMap(allNames),
  'populate, select-in': async (em) =>
    (await em.find(Widget, {}, { populate: ['maker', 'tags'], strategy: 'select-in' })).flatMap(allNames),
  'populate, balanced': async (em) =>
    (await em.find(Widget, {}, { populate: ['maker', 'tags'], strategy: 'balanced' })).flatMap(allNames),
  'nested populate from the other side': async (em) => {
    const makers = await em.find(Maker, { widgets: { $some: {} } }, { populate: ['widgets.tags'] });
    return makers.flatMap(({ name, widgets }) => [
      name,
      ...widgets.getItems().flatMap((widget) => widget.tags.getItems().map((tag) => tag.name)),
    ]);
  },
  '$some and $none': async (em, tenant) => {
    const some = await em.find(Widget, { tags: { $some: { name: `${tenant} tag` } } });
    const none = await em.find(Widget, { tags: { $none: { name: `${tenant} tag` } } });
    return [...some.map(({ name }) => name), ...none.map(() => 'too much')];
  },
  'a lazy collection': async (em) =>
    [...(await (await em.findOneOrFail(Widget, 1)).tags.init())].map(({ name }) => name),
  'part of a collection': async (em) =>
    (await (await em.findOneOrFail(Widget, 1)).tags.matching({ where: {} })).map(({ name }) => name),
  'the size of a collection': async (em, tenant) => [
    (await (await em.findOneOrFail(Widget, 1)).tags.loadCount()) === 1 ? tenant : 'nobody',
  ],
  'a reference that is loaded': async (em) => [(await em.refreshOrFail(em.getReference(Maker, 2))).name],
  findByCursor: async (em) =>
    (await em.findByCursor(Widget, { first: 5, orderBy: { id: 'asc' } })).items.map(({ name }) => name),
  findAndCount: async (em, tenant) => {
    const [found, count] = await em.findAndCount(Widget, {});
    return [...found.map(({ name }) => name), count === 1 ? tenant : 'too many'];
  },
  upsert: async (em, tenant) => [(await em.upsert(Widget, { id: 1, name: `${tenant} upserted` })).name],
  upsertMany: async (em, tenant) =>
    (
      await em.upsertMany(Tag, [
        { id: 1, name: `${tenant} upserted` },
        { id: 9, name: `${tenant} new` },
      ])
    ).map(({ name }) => name),
  insertMany: async (em, tenant) => {
    await em.insertMany(Maker, [{ name: `${tenant} one` }, { name: `${tenant} two` }]);
    return (await em.find(Maker, {})).map(({ name }) => name);
  },
  'nativeUpdate and nativeDelete': async (em, tenant) => {
    await em.nativeUpdate(Maker, { id: 1 }, { name: `${tenant} updated` });
    await em.nativeDelete(Widget, {});
    return [(await em.findOneOrFail(Maker, 1)).name, (await em.count(Widget)) === 0 ? tenant : 'too many'];
  },
  'a flush with every kind of change': async (em, tenant) => {
    const widget = await em.findOneOrFail(Widget, 1, { populate: ['tags'] });
    widget.tags.removeAll();
    widget.tags.add(em.create(Tag, { name: `${tenant} second tag` }));
    widget.maker = em.create(Maker, { name: `${tenant} second maker` });
    em.remove(await em.findOneOrFail(Maker, 1));
    await em.flush();
    return (await em.fork().find(Widget, {}, { populate: ['*'] })).flatMap(allNames);
  },
  'a lock': (em) =>
    em.transactional(async (inner) =>
      (await inner.find(Widget, {}, { lockMode: LockMode.PESSIMISTIC_WRITE })).map(({ name }) => name),
    ),
  'a QueryBuilder with joins': async (em) => {
    const builder = em
      .createQueryBuilder(Widget, 'w')
      .leftJoinAndSelect('w.tags', 't')
      .leftJoinAndSelect('w.maker', 'm');
    return (await builder.getResultList()).flatMap(allNames);
  },
  'a QueryBuilder with a subquery': async (em) => {
    const makers = em.createQueryBuilder(Maker, 'm').select('m.id');
    return (
      await em
        .createQueryBuilder(Widget, 'w')
        .where({ maker: { $in: makers } } as never)
        .getResultList()
    ).map(({ name }) => name);
  },
  'a raw fragment': async (em) =>
    (await em.find(Widget, { [raw('exists (select from maker)')]: true })).map(({ name }) => name),
  'raw SQL': async (em) =>
    (await em.execute<{ name: string }[]>('select name from widget join widget_tags on id = widget_id')).map(
      ({ name }) => name,
    ),
  Kysely: async (em) => {
    const kysely = em.getKysely<{ widget: { name: string } }>();
    return (await kysely.selectFrom('widget').select('name').execute()).map(({ name }) => name);
  },
  'a virtual read by SQL': async (em) => [
    (await em.getConnection().execute<{ name: string }[]>('select name from tag'))[0]?.name,
  ],
};

it.each(Object.entries(ways))('reaches only the tenant’s own rows: %s', async (_, way) => {
  const reached = await Promise.all(
    tenants.map((tenant) => shop.tenancy.run(tenant, () => way(shop.orm.em.fork(), tenant))),
  );
  for (const [n, tenant] of tenants.entries()) {
    expect(reached[n]).not.toEqual([]);
    expect(reached[n]?.filter((name) => !name?.startsWith(tenant))).toEqual([]);
  }
});

function allNames({ name, maker, tags }: Widget): (string | undefined)[] {
  return [name, ...(maker ? [maker.name] : []), ...tags.getItems().map((tag) => tag.name)];
}
