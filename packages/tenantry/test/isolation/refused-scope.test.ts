import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { scopedPool } from './support/pools.js';
import { stock, widgetNames } from './support/stock.js';

let shop: Shop;
let login: string;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp('acme', 'globex');
  await stock(shop, 'acme', 'globex');
  login = `tenantry_${shop.database.name}`;
});
afterAll(() => shop.close());

const insert = "insert into acme_shop.widget (name) values ('stray')";

describe('when PostgreSQL refuses to enter the scope', () => {
  it('runs nothing, inside and outside a transaction, and says what to do', async () => {
    const { tenancy, orm, database } = shop;
    await database.admin.query(`revoke acme_shop from ${login}`);
    const expected = {
      code: 'TENANCY_SCOPE_REFUSED',
      message: expect.stringContaining('is not granted to the service role') as string,
    };
    await expect(tenancy.run('acme', () => orm.em.execute(insert))).rejects.toMatchObject(expected);
    await expect(tenancy.run('acme', () => orm.em.transactional((em) => em.execute(insert)))).rejects.toMatchObject(
      expected,
    );
    await database.admin.query(`grant acme_shop to ${login}`);
    expect(await widgetNames(shop, 'acme')).toEqual(['acme widget']);
  });

  it('serves other tenants on the same connection', async () => {
    const { database, tenancy } = shop;
    const pool = await scopedPool(shop);
    await tenancy.run('globex', () => pool.query('select 1'));
    await database.admin.query(`revoke acme_shop from ${login}`);
    await expect(tenancy.run('acme', () => pool.query('select 1'))).rejects.toMatchObject({
      code: 'TENANCY_SCOPE_REFUSED',
    });
    expect((await tenancy.run('globex', () => pool.query('select name from widget'))).rows).toEqual([
      { name: 'globex widget' },
    ]);
    await database.admin.query(`grant acme_shop to ${login}`);
    expect((await tenancy.run('acme', () => pool.query('select name from widget'))).rows).toEqual([
      { name: 'acme widget' },
    ]);
    expect(pool.totalCount).toBe(1);
    await pool.end();
  });

  it('names the grant that is missing when the login may not choose its scope', async () => {
    const { database, tenancy } = shop;
    const pool = await scopedPool(shop);
    await database.admin.query(`revoke execute on function pg_catalog.set_config(text, text, boolean) from ${login}`);
    const message = expect.stringContaining('grant execute on function pg_catalog.set_config') as string;
    await expect(tenancy.run('acme', () => pool.query('select 1'))).rejects.toMatchObject({
      code: 'TENANCY_SCOPE_REFUSED',
      message,
    });
    await database.admin.query(`grant execute on function pg_catalog.set_config(text, text, boolean) to ${login}`);
    await pool.end();
  });
});

it('without the wall: a statement runs although its scope was refused, where the two are sent apart', async () => {
  const { database } = shop;
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query('begin');
  await expect(client.query('set local role no_such_role')).rejects.toThrow('no_such_role');
  await client.query('rollback');
  expect((await client.query(`${insert} returning name`)).rows).toEqual([{ name: 'stray' }]);
  await client.query("delete from acme_shop.widget where name = 'stray'");
  await client.end();
});
