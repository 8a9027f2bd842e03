import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { actualState, freshIds, nothing } from '../../../../../test/support/actual-state.js';
import { openShop, type Shop } from '../../../../../test/support/shop.js';

/** Two databases of one server, with a tenant of the same id each: its role is both databases' own. */
let here: Shop;
let elsewhere: Shop;
let id: string;
beforeAll(async () => {
  [here, elsewhere] = await Promise.all([openShop({ ownerConnections: 4 }), openShop({ ownerConnections: 4 })]);
});
afterAll(() => Promise.all([here.close(), elsewhere.close()]));
beforeEach(async () => {
  [id = ''] = freshIds(1);
  for (const shop of [here, elsewhere]) {
    await shop.signUp(id);
    await shop.tenancy.run(id, () => shop.orm.em.fork().execute("insert into widget (name) values ('kept')"));
  }
});

const names = (shop: Shop) =>
  shop.tenancy.run(id, () => shop.orm.em.fork().execute<{ name: string }[]>('select name from widget'));
const erase = ({ tenancy }: Shop) => tenancy.tenants.erase(id, { now: true });

it('leaves the role to the other database’s tenant, which is served as before, and says so', async () => {
  expect(await erase(here)).toMatchObject({
    outcome: 'erased',
    operation: { facts: { keptRoles: [`${id}_shop`] }, error: null },
  });
  expect(await actualState(here.database.admin, [id])).toEqual({ ...nothing, roles: [`${id}_shop`] });
  expect(await names(elsewhere)).toEqual([{ name: 'kept' }]);
  // Whoever erases the last of them takes the role along.
  expect(await erase(elsewhere)).toMatchObject({ operation: { facts: { keptRoles: [] } } });
  expect(await actualState(elsewhere.database.admin, [id])).toEqual(nothing);
});

it('takes from the role what somebody gave it by hand in this database, and nothing in the other', async () => {
  for (const { database } of [here, elsewhere]) {
    await database.admin.query('create table if not exists public.gift (n int)');
    await database.admin.query(`grant select on public.gift to "${id}_shop"`);
  }
  await erase(here);
  const may = async ({ database }: Shop) =>
    (await database.admin.query(`select has_table_privilege('${id}_shop', 'public.gift', 'select') as may`)).rows;
  expect(await may(here)).toEqual([{ may: false }]);
  expect(await may(elsewhere)).toEqual([{ may: true }]);
});

it('serves the other database’s tenant while this one’s is archived, and after it was restored', async () => {
  const { tenants } = here.tenancy;
  await tenants.archive(id);
  expect(await names(elsewhere)).toEqual([{ name: 'kept' }]);
  await tenants.restore(id);
  expect([await names(here), await names(elsewhere)]).toEqual([[{ name: 'kept' }], [{ name: 'kept' }]]);
});

it('refuses to rename it, because the role is the other’s too', async () => {
  await expect(here.tenancy.tenants.rename(id, { to: `${id}-new` })).rejects.toMatchObject({
    code: 'TENANCY_TENANT_ENTANGLED',
    message: expect.stringContaining(`the database "${elsewhere.database.name}"`) as string,
  });
  expect([await names(here), await names(elsewhere)]).toEqual([[{ name: 'kept' }], [{ name: 'kept' }]]);
});
