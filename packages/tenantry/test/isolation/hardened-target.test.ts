import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { stock, widgetNames } from './support/stock.js';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp('acme', 'globex');
  await stock(shop, 'acme', 'globex');
});
afterAll(() => shop.close());

const repoint = (schema: string) =>
  shop.database.admin.query("update tenantry.tenant_schema set schema_name = $1 where tenant_id = 'acme'", [schema]);

it.each(['globex_shop', 'tenantry', 'public', 'pg_catalog', 'acme_other'])(
  'refuses a catalog row that points a tenant at the schema %s, also from the owner',
  async (schema) => {
    await expect(repoint(schema)).rejects.toMatchObject({ code: '23514' });
    expect(await widgetNames(shop, 'acme')).toEqual(['acme widget']);
  },
);

describe('with the check dropped', () => {
  it('refuses rows of the other tenant, whatever role and schema the catalog names', async () => {
    const { admin } = shop.database;
    await admin.query('alter table tenantry.tenant_schema drop constraint tenant_schema_check');
    await admin.query("delete from tenantry.tenant_schema where tenant_id = 'globex'");
    await admin.query("update tenantry.tenant_schema set role_name = 'globex_shop' where tenant_id = 'acme'");
    // A role lent by the catalog changes nothing: the role is the schema's own.
    const rows = await shop.tenancy.run('acme', () => shop.orm.em.execute('select current_user::text as role'));
    expect(rows).toEqual([{ role: 'acme_shop' }]);
    await repoint('tenantry');
    await untilForgotten();
    await expect(widgetNames(shop, 'acme')).rejects.toMatchObject({ code: 'TENANCY_SCOPE_REFUSED' });
  });
});

/** The change is told by a notification. */
async function untilForgotten(): Promise<void> {
  await expect.poll(() => shop.tenancy.run('acme', () => shop.tenancy.require().placement.schema)).toBe('tenantry');
}
