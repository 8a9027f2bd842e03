import { Migration } from '@mikro-orm/migrations';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { widgetMigrations } from '../../../../test/support/widgets.js';
import { Tenancy } from '../../src/tenancy.js';
import { stock } from './support/stock.js';

class ReviewMigration extends Migration {
  override up(): void {
    this.addSql(
      'create table review (-- tenantry-allow serial: this test is about its sequence\n id serial primary key, text text not null)',
    );
  }
}

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp('acme', 'globex');
  await stock(shop, 'acme', 'globex');
});
afterAll(() => shop.close());

const inCatalog = (sql: string) => shop.tenancy.runInCatalog(() => shop.orm.em.execute(sql));
const denied = { code: '42501' };

describe('the catalog scope', () => {
  it.each([
    'select id, name, status from tenantry.tenant',
    'select schema_name, head from tenantry.tenant_schema',
    'select migration from tenantry.ledger',
    'select name from tenantry.service',
    'select version from tenantry.catalog_version',
    'select count(*) from tenantry.operation',
    'select count(*) from tenantry.event',
    'select count(*) from tenantry.former_tenant',
    "select tenantry.operation_is_held('nobody')",
  ])('may look: %s', async (sql) => {
    expect(await inCatalog(sql)).not.toEqual([]);
  });

  it.each([
    'delete from tenantry.tenant',
    'truncate tenantry.tenant',
    'delete from tenantry.event',
    'delete from tenantry.operation',
    "insert into tenantry.former_tenant (id) values ('acme')",
    'update tenantry.catalog_version set breaking = true',
    'update tenantry.snapshot set statements = null',
    "update tenantry.tenant_schema set role_name = 'globex_shop'",
    "insert into tenantry.ledger (schema_name, migration, checksum) values ('acme_shop', 'x', 'x')",
    "update tenantry.service set head = 'x'",
    'select statements from tenantry.migration',
    'select password from tenantry.service_login',
    'select * from acme_shop.widget',
    'create table tenantry.mine ()',
  ])('may not: %s', async (sql) => {
    await expect(inCatalog(sql)).rejects.toMatchObject(denied);
  });

  it.each(['set role to acme_shop', "password 'mine'"])(
    'may not change how the login that serves logs in: %s',
    async (change) => {
      await expect(inCatalog(`alter role tenantry_${shop.database.name} ${change}`)).rejects.toMatchObject(denied);
    },
  );

  it.each([
    'select * from tenantry.tenant',
    "select pg_read_file('PG_VERSION')",
    "update tenantry.tenant set status = 'deleted'",
  ])('may do more than a tenant, who may not even: %s', async (sql) => {
    await expect(shop.tenancy.run('acme', () => shop.orm.em.execute(sql))).rejects.toMatchObject(denied);
  });
});

it('lets a tenant read and write a table, and use its sequence, that a later migration adds, without another grant', async () => {
  const migrations = { ...widgetMigrations, '000002-reviews': ReviewMigration };
  const options = { url: shop.database.url, service: 'shop', migrations, reconcile: { automatic: false } };
  const newer = await Tenancy.start(options);
  expect((await newer.reconcile()).migrated).toBe(2);
  await newer.stop();
  const rows = await shop.tenancy.run('acme', () =>
    shop.orm.em.execute("insert into review (text) values ('fine') returning id, text"),
  );
  expect(rows).toEqual([{ id: 1, text: 'fine' }]);
  await shop.tenancy.run('acme', async () => {
    for (const sql of [
      "update review set text = 'better' where id = 1 returning id",
      "select id from review where text = 'better'",
      "select currval('review_id_seq')::int as id",
      'select last_value::int as id from review_id_seq',
      'delete from review returning id',
    ])
      expect(await shop.orm.em.execute(sql)).toEqual([{ id: 1 }]);
    for (const sql of ['truncate review', 'alter table review add column x int', 'drop table review'])
      await expect(shop.orm.em.execute(sql)).rejects.toMatchObject({ code: '42501' });
  });
  await expect(
    shop.tenancy.run('acme', () => shop.orm.em.execute('select * from globex_shop.review')),
  ).rejects.toMatchObject(denied);
});

it('without the wall: a schema’s tables open to every role that was ever granted all of them', async () => {
  const { admin } = shop.database;
  await admin.query(
    'grant usage on schema globex_shop to acme_shop; grant select on all tables in schema globex_shop to acme_shop',
  );
  const rows = await shop.tenancy.run('acme', () => shop.orm.em.execute('select name from globex_shop.widget'));
  expect(rows).toEqual([{ name: 'globex widget' }]);
  await admin.query(
    'revoke all on all tables in schema globex_shop from acme_shop; revoke usage on schema globex_shop from acme_shop',
  );
});
