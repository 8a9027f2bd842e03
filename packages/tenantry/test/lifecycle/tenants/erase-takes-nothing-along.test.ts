import { afterAll, beforeAll, expect, it } from 'vitest';
import { freshIds } from '../../../../../test/support/actual-state.js';
import { openShop, type Shop } from '../../../../../test/support/shop.js';
import { Widget } from '../../../../../test/support/widgets.js';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop({ ownerConnections: 4 });
});
afterAll(() => shop.close());

async function newTenant(): Promise<string> {
  const [id = ''] = freshIds(1);
  await shop.signUp(id);
  return id;
}
const sql = async (text: string) => (await shop.database.admin.query(text)).rows;

it('refuses to take along what is not the tenant’s', async () => {
  const id = await newTenant();
  await sql(`create view public.report as select * from "${id}_shop".widget`);
  await expect(shop.tenancy.tenants.erase(id, { now: true })).rejects.toMatchObject({
    code: 'TENANCY_TENANT_ENTANGLED',
    message: expect.stringContaining('view public.report needs something') as string,
  });
  expect(await shop.tenancy.run(id, () => shop.orm.em.count(Widget))).toBe(0);
  await sql('drop view public.report');
  await sql(`create table public.pointer (id int references "${id}_shop".widget)`);
  await expect(shop.tenancy.tenants.erase(id, { now: true })).rejects.toMatchObject({
    message: expect.stringContaining('table public.pointer needs something') as string,
  });
  await sql('drop table public.pointer');
  expect(await shop.tenancy.tenants.erase(id, { now: true })).toMatchObject({ outcome: 'erased' });
});

it('drops no extension that everybody uses, although a tenant’s migration put it into its schema', async () => {
  const [id, other] = [await newTenant(), await newTenant()];
  await sql(`create extension citext schema "${id}_shop"`);
  await sql(`alter table "${other}_shop".widget add column code "${id}_shop".citext`);
  const erasing = () => shop.tenancy.tenants.erase(id, { now: true });
  await expect(erasing()).rejects.toMatchObject({
    code: 'TENANCY_TENANT_ENTANGLED',
    message: expect.stringContaining('the extension citext lives in its schemas') as string,
  });
  await sql('alter extension citext set schema public');
  expect(await erasing()).toMatchObject({ outcome: 'erased' });
  expect(await sql("select extname from pg_extension where extname = 'citext'")).toHaveLength(1);
  await sql(`alter table "${other}_shop".widget drop column code`);
});

it('without the wall: dropping the schema drops the extension, and a neighbour’s column with it', async () => {
  const [id, other] = [await newTenant(), await newTenant()];
  await sql(`create extension hstore schema "${id}_shop"`);
  await sql(`alter table "${other}_shop".widget add column more "${id}_shop".hstore`);
  await sql(`drop schema "${id}_shop" cascade`);
  expect(await sql("select extname from pg_extension where extname = 'hstore'")).toEqual([]);
  expect(
    await sql(`select * from information_schema.columns where table_schema = '${other}_shop' and column_name = 'more'`),
  ).toEqual([]);
});

it.each([
  [
    'a column of its type',
    'create table public.hanging (m "$".mood)',
    'table public.hanging',
    'drop table public.hanging',
  ],
  [
    'a column of its type’s array',
    'create table public.hanging (m "$".mood[])',
    'table public.hanging',
    'drop table public.hanging',
  ],
  [
    'a column of its row',
    'create table public.hanging (w "$".widget)',
    'table public.hanging',
    'drop table public.hanging',
  ],
  [
    'a default from its sequence',
    `create table public.hanging (n int default nextval('"$".widget_id_seq'))`,
    'table public.hanging',
    'drop table public.hanging',
  ],
  [
    'a function that answers its type',
    `create function public.hanging() returns "$".mood language sql as 'select null::"$".mood'`,
    'function public.hanging',
    'drop function public.hanging',
  ],
  [
    'a domain over its type',
    'create domain public.hanging as "$".mood',
    'type public.hanging',
    'drop domain public.hanging',
  ],
])('refuses to take along %s', async (_, made, what, undo) => {
  const id = await newTenant();
  await sql(`create type "${id}_shop".mood as enum ('glad')`);
  await sql(made.replaceAll('$', `${id}_shop`));
  await expect(shop.tenancy.tenants.erase(id, { now: true })).rejects.toMatchObject({
    code: 'TENANCY_TENANT_ENTANGLED',
    message: expect.stringContaining(`${what} needs something`) as string,
  });
  await sql(undo);
  expect(await shop.tenancy.tenants.erase(id, { now: true })).toMatchObject({ outcome: 'erased' });
});

it('looks again when an erasure goes on that was stopped, and leaves what was built since', async () => {
  const id = await newTenant();
  const stopping = new AbortController();
  const stopped = await shop.tenancy.tenants.erase(id, {
    now: true,
    signal: stopping.signal,
    onEvent: () => stopping.abort(),
  });
  expect(stopped).toMatchObject({ outcome: 'interrupted' });
  await sql(`create view public.late as select * from "${id}_shop".widget`);
  await expect(shop.tenancy.tenants.erase(id, { now: true })).rejects.toMatchObject({
    message: expect.stringContaining('view public.late needs something') as string,
  });
  expect(await sql('select * from public.late')).toEqual([]);
  await sql('drop view public.late');
  expect(await shop.tenancy.tenants.erase(id, { now: true })).toMatchObject({ outcome: 'erased' });
});
