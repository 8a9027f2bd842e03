import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Market, openMarket } from './support/market.js';

let market: Market;
beforeAll(async () => {
  market = await openMarket(12);
  await market.run();
});
afterAll(() => market.close());

it('makes the tenants with their ids and names, each with its schema', async () => {
  const rows = await market.sql(
    'select t.id, name, schema_name from tenantry.tenant t join tenantry.tenant_schema on tenant_id = t.id order by t.id',
  );
  expect(rows).toHaveLength(12);
  expect(rows[0]).toEqual({ id: 'c1', name: 'Client 1', schema_name: 'c1_shop' });
});

it('keeps keys, values of every type and references', async () => {
  const shared = await market.sql(
    `select id, "select" as chosen, state::text, total, slug, parent_id, created_at from public."Order" where client_id = 3 order by id`,
  );
  expect(
    await market.sql(
      'select id, chosen, state::text, total, slug, parent_id, created_at from c3_shop.order_entry order by id',
    ),
  ).toEqual(shared);
  expect(shared).toHaveLength(6);
  const notes = await market.sql(
    `select n.id from public.note n join public."Order" o on o.id = line_order where client_id = 3 order by 1`,
  );
  expect(await market.sql('select id from c3_shop.note order by 1')).toEqual(notes);
  expect(await market.sql('select key, value, bytes from c3_shop.setting order by 1')).toEqual(
    await market.sql(`select key, value, bytes from public.setting where "Tenant Id" = 3 order by 1`),
  );
});

it('moves identity sequences past the greatest value', async () => {
  const [row] = await market.sql<{ id: number; max: number }>(
    'with max as (select max(id) from c5_shop.order_entry) insert into c5_shop.order_entry (chosen) select null returning id, (select max from max)',
  );
  expect(row?.id).toBe((row?.max ?? 0) + 1);
  await market.sql('delete from c5_shop.order_entry where id = $1', [row?.id]);
});

it('finds both sides to be the same', async () => {
  const report = await (await market.adoption()).verify();
  expect(report).toMatchObject({ same: true, tenants: 12, pending: 0, left: 0, differences: [] });
  expect(report.rows).toBe(12 * (6 + 12 + 6 + 2));
});

it('does nothing on a second run, and copies nothing twice', async () => {
  await market.run();
  await market.mustBeSame();
});

it.each([
  [
    'a row is changed in a tenant schema',
    "update c4_shop.setting set value = '1' where key = 'x'",
    "update c4_shop.setting set value = '{\"a\": 4}' where key = 'x'",
    'setting',
    'changed',
  ],
  [
    'a row is gone from a tenant schema',
    "delete from c4_shop.setting where key = 'x'",
    `insert into c4_shop.setting values ('x', '{"a": 4}', '\\x00ff')`,
    'setting',
    'missing',
  ],
  [
    'a tenant schema has one more',
    "insert into c4_shop.setting values ('z')",
    "delete from c4_shop.setting where key = 'z'",
    'setting',
    'extra',
  ],
  [
    'a row is changed in a shared table',
    `update public.setting set value = '1' where "Tenant Id" = 4 and key = 'x'`,
    `update public.setting set value = '{"a": 4}' where "Tenant Id" = 4 and key = 'x'`,
    'setting',
    'changed',
  ],
  [
    'a row is gone from a shared table',
    `delete from public.setting where "Tenant Id" = 4 and key = 'x'`,
    `insert into public.setting values (4, 'x', '{"a": 4}', '\\x00ff')`,
    'setting',
    'extra',
  ],
  [
    'a shared table has one more',
    `insert into public.setting values (4, 'z')`,
    `delete from public.setting where key = 'z'`,
    'setting',
    'missing',
  ],
  [
    'a row belongs to another tenant now',
    `update public."Order" set client_id = 5, slug = 'moved' where id = (select max(id) from public."Order" where client_id = 4)`,
    `update public."Order" set client_id = 4, slug = 's6' where slug = 'moved'`,
    'Order',
    'extra',
  ],
])('sees it when %s', async (_, harm, heal, table, is) => {
  await market.secretly(harm);
  const report = await (await market.adoption()).verify();
  expect(report.same).toBe(false);
  const difference = report.differences.find((each) => each.tenant === 'c4' && each.table === table);
  expect(difference?.rows.map((row) => row.is)).toEqual([is]);
  await market.secretly(heal);
  await market.mustBeSame();
});
