import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Market, openMarket } from './support/market.js';

let market: Market;
beforeEach(async () => {
  market = await openMarket(4);
  await market.run();
});
afterEach(() => market.close());

const first = (client: number) => `(select min(id) from public."Order" where client_id = ${client})`;
const last = (client: number) => `(select max(id) from public."Order" where client_id = ${client})`;

it.each<[string, string[]]>([
  [
    'new rows',
    [
      `insert into public."Order" (client_id, slug) values (2, 'new')`,
      `insert into public."li""ne" values (${last(2)}, 7, 'u', 7)`,
    ],
  ],
  ['changed rows', [`update public."Order" set total = 99 where client_id = 1`, `update public."li""ne" set qty = 5`]],
  ['deleted rows, with what a cascade takes', [`delete from public."Order" where id = ${last(3)}`]],
  [
    'a whole tenant deleted',
    [
      'update public."Order" set parent_id = null where client_id = 3',
      'delete from public."Order" where client_id = 3',
      'delete from public.setting where "Tenant Id" = 3',
      'delete from public.client where id = 3',
    ],
  ],
  [
    'a row that moves to another tenant',
    [`update public.setting set "Tenant Id" = 2, key = 'moved' where "Tenant Id" = 1 and key = 'x'`],
  ],
  [
    'a row that moves with all that hangs on it',
    [`update public."Order" set client_id = 2, slug = 'moved', parent_id = null where id = ${last(1)}`],
  ],
  [
    'a row that moves, and then loses what hangs on it',
    [
      `with moved as (update public."Order" set client_id = 2, slug = 'm', parent_id = null where id = ${last(1)} returning id) select from moved`,
      `delete from public."li""ne" where order_id = ${last(2)} or no = 2`,
    ],
  ],
  [
    'a row that moves there and back',
    [
      `update public."Order" set client_id = 2, slug = 'm' where id = ${first(1)} and parent_id is null and not exists (select from public."Order" p where p.parent_id = ${first(1)})`,
      `update public."Order" set client_id = 3, slug = 'n', parent_id = null where id = ${last(4)}`,
      `update public."Order" set client_id = 4, slug = 'o' where slug = 'n'`,
    ],
  ],
  [
    'a child that goes to a parent of another tenant',
    [`update public."li""ne" set order_id = ${first(2)}, no = 50 where order_id = ${last(1)} and no = 1`],
  ],
  [
    'a key that changes',
    [`update public.setting set key = 'renamed' where key = 'y'`, `update public."li""ne" set no = no + 100`],
  ],
  [
    'values that change places',
    [
      `update public."Order" set slug = 'tmp' where id = ${first(1)}`,
      `update public."Order" set slug = 's1' where id = ${last(1)}`,
      `update public."Order" set slug = 's6' where id = ${first(1)}`,
    ],
  ],
  [
    'a row that comes and goes',
    [`insert into public.setting values (1, 'blink')`, `delete from public.setting where key = 'blink'`],
  ],
  [
    'a row deleted and made again',
    [
      `delete from public.setting where "Tenant Id" = 1 and key = 'x'`,
      `insert into public.setting values (1, 'x', '{}')`,
    ],
  ],
])('carries over %s', async (_, changes) => {
  for (const text of changes) await market.sql(text);
  await market.run();
  await market.mustBeSame();
});

it('takes tenants that come during the adoption, with their rows', async () => {
  await market.sql(`insert into public.client (title) values ('Late')`);
  await market.sql(`insert into public."Order" (client_id, slug) values (5, 'late')`);
  await market.run();
  await market.mustBeSame();
  expect(await market.sql('select slug from c5_shop.order_entry')).toEqual([{ slug: 'late' }]);
});

it('keeps a row whose parent moves in a transaction that is open at the same time', async () => {
  // With it PostgreSQL would make the writer wait: a change of a unique column locks out references.
  await market.sql('alter table public."Order" drop constraint "Order_client_id_slug_key"');
  const [mover, writer] = [await market.database.admin.connect(), await market.database.admin.connect()];
  try {
    await mover.query('begin');
    await mover.query(
      `update public."Order" set client_id = 2, slug = 'moved', parent_id = null where id = ${last(1)}`,
    );
    // Sees the order with its old tenant, and is not seen by the mover.
    await writer.query(`insert into public."li""ne" values (${last(1)}, 70, 'u', 1)`);
    await market.run();
    await mover.query('commit');
  } finally {
    mover.release();
    writer.release();
  }
  await market.run();
  await market.mustBeSame();
  expect(await market.sql(`select no from c2_shop."li""ne" where no = 70`)).toEqual([{ no: 70 }]);
});

it('refuses to truncate a shared table', async () => {
  await expect(market.sql('truncate public.setting')).rejects.toThrow('being adopted into tenant schemas');
});

it('stops when a changed row belongs to nobody, and goes on once it does', async () => {
  await market.sql(`insert into public.setting values (77, 'stray')`);
  await expect(market.run()).rejects.toMatchObject({
    code: 'TENANCY_ADOPTION_STRAYS',
    fields: { table: 'setting', rows: 1 },
  });
  await market.sql(`update public.setting set "Tenant Id" = 1 where key = 'stray'`);
  await market.run();
  await market.mustBeSame();
});
