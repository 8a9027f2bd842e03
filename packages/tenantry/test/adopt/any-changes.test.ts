import fc from 'fast-check';
import { afterAll, beforeAll, it } from 'vitest';
import { type Market, openMarket } from './support/market.js';

const tenants = 4;
let market: Market;
beforeAll(async () => {
  market = await openMarket(tenants);
  await market.run();
});
afterAll(() => market.close());

const tenant = fc.integer({ min: 1, max: tenants });
const number = fc.nat(1000);
/** A row that is there, by chance. */
const some = (table: string, key: string, n: number) =>
  `(select ${key} from ${table} order by md5(${key}::text || '${n}') limit 1)`;
const orders = 'public."Order"';
const lines = 'public."li""ne"';

const change = fc.oneof(
  fc
    .tuple(tenant, number)
    .map(
      ([t, n]) => `insert into ${orders} (client_id, slug, total) values (${t}, 'r${n}', ${n}) on conflict do nothing`,
    ),
  fc
    .tuple(number, number)
    .map(([n, no]) => `insert into ${lines} values (${some(orders, 'id', n)}, ${no}, 'r', 1) on conflict do nothing`),
  number.map(
    (n) =>
      `insert into public.note (line_order, line_no) select order_id, no from ${lines} order by md5(no::text || '${n}') limit 1`,
  ),
  number.map((n) => `update ${lines} set qty = ${n} where order_id = ${some(orders, 'id', n)}`),
  fc.tuple(number, tenant).map(
    ([n, t]) => `with moved as (select ${some(orders, 'id', n)} as id)
      update ${orders} o set parent_id = null, slug = case when o.id = moved.id then null else slug end,
             client_id = case when o.id = moved.id then ${t} else client_id end
        from moved where o.id = moved.id or o.parent_id = moved.id`,
  ),
  fc
    .tuple(number, number)
    .map(
      ([n, m]) =>
        `update ${lines} set order_id = ${some(orders, 'id', m)}, no = no + 2000 where order_id = ${some(orders, 'id', n)} and no < 2000`,
    ),
  number.map((n) => `update ${orders} set parent_id = null where parent_id = ${some(orders, 'id', n)}`),
  number.map(
    (n) =>
      `delete from ${orders} o where id = ${some(orders, 'id', n)} and not exists (select from ${orders} c where c.parent_id = o.id)`,
  ),
  number.map((n) => `delete from ${lines} where order_id = ${some(orders, 'id', n)}`),
  fc
    .tuple(tenant, tenant, number)
    .map(
      ([t, u, n]) =>
        `update public.setting set "Tenant Id" = ${t}, key = 'k${n}' where "Tenant Id" = ${u} and key = (select min(key) from public.setting where "Tenant Id" = ${u})`,
    ),
);

it('brings both sides together after any changes, in transactions of any length', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(change, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 8 }),
      async (transactions) => {
        for (const statements of transactions) {
          // A key that is taken already: the application gives up, as one would.
          await market.sql(statements.join('; ')).catch((error: { code?: string }) => {
            if (!error.code?.startsWith('23')) throw error;
          });
        }
        await market.run();
        await market.mustBeSame();
      },
    ),
    { numRuns: 25, endOnFailure: true },
  );
});
