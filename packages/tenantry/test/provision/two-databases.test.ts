import { afterAll, beforeAll, expect, it } from 'vitest';
import { freshIds } from '../../../../test/support/actual-state.js';
import { openShop, type Shop } from '../../../../test/support/shop.js';

let shops: Shop[];
beforeAll(async () => {
  shops = await Promise.all([openShop(), openShop(), openShop()]);
});
afterAll(() => Promise.all(shops.map((shop) => shop.close())));

it('provisions the same ids in three databases of one server at the same time, though they share the roles', async () => {
  const ids = freshIds(40);
  const reports = await Promise.all(
    shops.map(async ({ tenancy }) => {
      for (const id of ids) await tenancy.catalog.create({ id, name: id });
      return tenancy.reconcile();
    }),
  );
  expect(reports.map(({ provisioned, failures }) => ({ provisioned, failures }))).toEqual(
    shops.map(() => ({ provisioned: ids.length, failures: [] })),
  );
});

it('keeps the rows of tenants with the same id in their own database', async () => {
  const [id = ''] = freshIds(1);
  const names = await Promise.all(
    shops.map(async ({ tenancy, orm, signUp }, index) => {
      await signUp(id);
      await tenancy.run(id, () => orm.em.execute(`insert into widget (name) values ('${index}')`));
      return tenancy.run(id, () => orm.em.execute('select name from widget'));
    }),
  );
  expect(names).toEqual([[{ name: '0' }], [{ name: '1' }], [{ name: '2' }]]);
});
