import { defineEntity, p } from '@mikro-orm/core';
import { MikroORM } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../../test/support/shop.js';
import { widgetEntities, Widget } from '../../../../../test/support/widgets.js';

/** The same table for another ORM of the process, which knows less of it. */
const Name = defineEntity({
  name: 'Name',
  tableName: 'widget',
  schema: '*',
  properties: { id: p.integer().primary().autoincrement(), name: p.string() },
});

let shop: Shop;
let first: MikroORM;
let second: MikroORM;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp('acme', 'globex');
  first = await MikroORM.init(shop.tenancy.orm({ entities: widgetEntities }));
  second = await MikroORM.init(shop.tenancy.orm({ entities: [Name] }));
});
afterAll(async () => {
  await first.close();
  await second.close();
  await shop.close();
});

it('gives each of two ORMs its own EntityManager of the scope', async () => {
  const seen = await Promise.all(
    ['acme', 'globex'].map((tenant) =>
      shop.tenancy.run(tenant, async () => {
        first.em.create(Widget, { name: `${tenant} of the first` });
        second.em.create(Name, { name: `${tenant} of the second` });
        await first.em.flush();
        await second.em.flush();
        const widgets = await first.em.fork().find(Widget, {});
        const names = await second.em.fork().find(Name, {});
        return [widgets, names].map((rows) => rows.map(({ name }) => name).toSorted());
      }),
    ),
  );
  const both = (tenant: string) => [`${tenant} of the first`, `${tenant} of the second`];
  expect(seen).toEqual([
    [both('acme'), both('acme')],
    [both('globex'), both('globex')],
  ]);
});

it('keeps a transaction of one out of the other: each is taken back alone', async () => {
  const names = await shop.tenancy.run('acme', async () => {
    const failing = first.em.transactional(async () => {
      first.em.create(Widget, { name: 'taken back' });
      await second.em.transactional(async (inner) => {
        inner.create(Name, { name: 'kept' });
        // The first one's, in the middle of the second one's transaction.
        first.em.create(Widget, { name: 'taken back too' });
        await first.em.flush();
      });
      expect(await second.em.fork().count(Name, { name: 'kept' })).toBe(1);
      throw new Error('failed');
    });
    await expect(failing).rejects.toThrow('failed');
    return (await first.em.fork().find(Widget, { name: { $like: '%ke%' } })).map(({ name }) => name);
  });
  expect(names).toEqual(['kept']);
});
