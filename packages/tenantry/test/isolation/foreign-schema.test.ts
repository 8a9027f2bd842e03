import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { stock } from './support/stock.js';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp('acme', 'globex');
  await stock(shop, 'acme', 'globex');
  // What older code, an extension or a hand left in public must never stand in for a tenant's own.
  await shop.database.admin.query(`
    create table public.widget as select 7 as id, 'from public' as name;
    create table public.leftover as select 'from public' as name;
    create sequence public.tickets;
    grant usage on schema public to public;
    grant select on all tables in schema public to public;
    grant usage on all sequences in schema public to public`);
});
afterAll(() => shop.close());

const asAcme = (sql: string) => shop.tenancy.run('acme', () => shop.orm.em.execute<{ name: string }[]>(sql));
const denied = { code: '42501' };

describe('as one tenant, PostgreSQL itself', () => {
  it.each([
    'select * from globex_shop.widget',
    "insert into globex_shop.widget (name) values ('x')",
    "update globex_shop.widget set name = 'x'",
    'delete from globex_shop.widget',
    'truncate globex_shop.widget cascade',
    'create table globex_shop.mine ()',
    'drop table globex_shop.widget cascade',
    "select nextval('globex_shop.widget_id_seq')",
  ])('refuses: %s', async (sql) => {
    await expect(asAcme(sql)).rejects.toMatchObject(denied);
  });

  it.each([
    'create table acme_shop.mine ()',
    'alter table acme_shop.widget add column mine int',
    'drop table acme_shop.widget cascade',
    'drop schema acme_shop cascade',
    'create schema mine',
    'create role mine',
    'truncate acme_shop.widget cascade',
  ])('refuses to change structure, even its own: %s', async (sql) => {
    await expect(asAcme(sql)).rejects.toMatchObject(denied);
  });
});

it('reads the tenant’s own table where its bare name is also one of public', async () => {
  expect(await asAcme('select name from widget')).toEqual([{ name: 'acme widget' }]);
});

it('refuses a table or sequence that only public has, instead of reading that one', async () => {
  await expect(asAcme('select name from leftover')).rejects.toMatchObject({ code: '42P01' });
  await expect(asAcme("select nextval('tickets')")).rejects.toMatchObject({ code: '42P01' });
});

it('refuses a bare name outside any scope, although public has the table', async () => {
  await expect(shop.orm.em.fork().execute('select name from widget')).rejects.toMatchObject({
    code: 'TENANCY_SCOPE_MISSING',
  });
  await expect(shop.tenancy.runInCatalog(() => shop.orm.em.execute('select name from widget'))).rejects.toMatchObject({
    code: '42P01',
  });
});

describe('without the wall', () => {
  it('reads and changes the neighbour with isolation by name only', async () => {
    const weak = await openShop({ isolation: 'schema' });
    await weak.signUp('acme', 'globex');
    await stock(weak, 'acme', 'globex');
    const rows = await weak.tenancy.run('acme', async () => {
      await weak.orm.em.execute("update globex_shop.widget set name = 'changed'");
      return weak.orm.em.execute('select name from globex_shop.widget');
    });
    expect(rows).toEqual([{ name: 'changed' }]);
    await weak.close();
  });

  it('falls through to public with the search path that most libraries set', async () => {
    const client = await shop.database.admin.connect();
    await client.query('set search_path to acme_shop, public');
    expect((await client.query('select name from leftover')).rows).toEqual([{ name: 'from public' }]);
    client.release(true);
  });
});
