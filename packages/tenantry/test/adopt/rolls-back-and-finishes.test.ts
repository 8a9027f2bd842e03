import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Adoption } from '../../src/adopt/adoption.js';
import { moveTo } from '../../src/adopt/adoption-store.js';
import { tryHold } from '../../src/postgres/held-lock.js';
import { lockNames } from '../../src/postgres/lock-names.js';
import { type Market, openMarket } from './support/market.js';

let market: Market;
let adoption: Adoption;
beforeEach(async () => {
  market = await openMarket(4);
  adoption = await market.adoption();
  await market.run();
  await adoption.cutover();
});
afterEach(() => market.close());

it('closes the shared tables at the cutover and opens the tenant schemas', async () => {
  await expect(market.sql(`insert into public.setting values (1, 'late')`)).rejects.toThrow(
    'live in tenant schemas now',
  );
  await expect(market.sql('truncate public.setting')).rejects.toThrow('live in tenant schemas now');
  await market.sql("insert into c1_shop.setting values ('new')");
  expect(await market.sql('select status from tenantry.adoption')).toEqual([{ status: 'cutover' }]);
});

it('refuses writes to tenant tables before the cutover, once they are prepared, and after a rollback', async () => {
  await adoption.rollback();
  await expect(market.sql("insert into c1_shop.setting values ('early')")).rejects.toThrow('live in the shared tables');
  await market.sql(`insert into public.setting values (1, 'back')`);
});

it('carries back what was written in tenant schemas, and forward again at a second cutover', async () => {
  const [made] = await market.sql<{ id: number }>(
    "insert into c1_shop.order_entry (slug, total) values ('made', 5) returning id",
  );
  await market.sql(`insert into c1_shop."li""ne" (order_id, no, qty) values ($1, 1, 2)`, [made?.id]);
  await market.sql("update c2_shop.setting set value = '42'");
  await market.sql(`delete from c3_shop.order_entry where id = (select max(id) from c3_shop.order_entry)`);
  const [other] = await market.sql<{ id: number }>(
    "insert into c4_shop.order_entry (slug) values ('made') returning id",
  );
  expect(other?.id).not.toBe(made?.id);
  await adoption.rollback();
  expect(await market.sql(`select client_id, total from public."Order" where slug = 'made' order by 1`)).toEqual([
    { client_id: 1, total: '5.00' },
    { client_id: 4, total: null },
  ]);
  expect(await market.sql(`select value from public.setting where "Tenant Id" = 2`)).toEqual([
    { value: 42 },
    { value: 42 },
  ]);
  expect(await market.sql('select from public."Order" where client_id = 3')).toHaveLength(5);
  await market.mustBeSame();
  await market.sql(`insert into public."Order" (client_id, slug) values (2, 'after')`);
  await adoption.cutover();
  await market.mustBeSame();
  expect(await market.sql("select slug from c2_shop.order_entry where slug = 'after'")).toHaveLength(1);
});

it('refuses to roll back where rows of two tenants want one place, says so, and goes on to serve the tenants', async () => {
  await market.sql("insert into c1_shop.order_entry (id, slug) overriding system value values (9000, 'a')");
  await market.sql("insert into c2_shop.order_entry (id, slug) overriding system value values (9000, 'a')");
  await expect(adoption.rollback()).rejects.toMatchObject({ code: 'TENANCY_ADOPTION_CONFLICT' });
  await market.sql("insert into c1_shop.setting values ('still')");
  await market.sql('update c2_shop.order_entry set id = default where id = 9000');
  await adoption.rollback();
  await market.mustBeSame();
});

it('gives a key that one tenant gave up to another', async () => {
  await market.sql('delete from c4_shop.order_entry where id = 24');
  await market.sql("insert into c1_shop.order_entry (id, slug) overriding system value values (24, 'taken')");
  await adoption.rollback();
  expect(await market.sql('select client_id, slug from public."Order" where id = 24')).toEqual([
    { client_id: 1, slug: 'taken' },
  ]);
  await market.mustBeSame();
});

it('leaves nothing behind when it finishes, and there is no way back', async () => {
  await adoption.finish();
  const left = await market.sql(
    "select relname from pg_trigger join pg_class c on c.oid = tgrelid where tgname like 'zz\\_tenantry%' order by 1",
  );
  // The shared tables stay closed.
  expect(left.map(({ relname }) => relname as string)).toEqual(['Order', 'li"ne', 'note', 'setting']);
  expect(await market.sql("select proname from pg_proc where proname like 'adopt\\_%'")).toEqual([]);
  expect(
    await market.sql("select increment_by from pg_sequences where schemaname like 'c%\\_shop' and increment_by <> 1"),
  ).toEqual([]);
  expect(await market.sql('select from tenantry.adoption_change')).toEqual([]);
  await expect(market.sql('delete from public.setting')).rejects.toThrow('live in tenant schemas now');
  await expect(adoption.rollback()).rejects.toMatchObject({ code: 'TENANCY_ADOPTION_STATE' });
  await market.sql('drop table public.setting');
});

it('has no way back once it began to finish, goes on to serve, and ends', async () => {
  await market.sql("update tenantry.adoption set status = 'finishing'");
  await market.sql("insert into c1_shop.setting values ('still')");
  for (const step of [() => adoption.rollback(), () => adoption.run(), () => adoption.verify()])
    await expect(step()).rejects.toMatchObject({ code: 'TENANCY_ADOPTION_STATE' });
  await adoption.finish();
  expect(await market.sql('select status from tenantry.adoption')).toEqual([{ status: 'finished' }]);
  await market.sql("insert into c1_shop.setting values ('and on')");
});

it('gives up before the cutover with empty tenant tables, and can begin again', async () => {
  await expect(adoption.abort()).rejects.toMatchObject({ code: 'TENANCY_ADOPTION_STATE' });
  await adoption.rollback();
  await adoption.abort();
  expect(await market.sql("select tgname from pg_trigger where tgname like 'zz\\_tenantry%'")).toEqual([]);
  expect(await market.sql('select from c1_shop.order_entry')).toEqual([]);
  await market.sql(`insert into public.setting values (1, 'free')`);
  await market.run();
  await market.mustBeSame();
});

it('waits for a writer at the cutover without keeping the others waiting, and tries again', async () => {
  await adoption.rollback();
  const writer = await market.database.admin.connect();
  try {
    await writer.query('begin');
    await writer.query(`insert into public.setting values (1, 'slow')`);
    await expect(adoption.cutover({ lockMaxMs: 50 })).rejects.toMatchObject({
      code: 'TENANCY_ADOPTION_BUSY',
      message: expect.stringMatching(/could not be taken \(.*lock timeout\)\. .* raise `lockMaxMs`/),
    });
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 300);
    await expect(adoption.cutover({ lockMaxMs: 50, signal: stop.signal })).rejects.toMatchObject({
      message: expect.stringContaining('it was stopped. Run the same command again.'),
    });
    await market.sql(`insert into public.setting values (2, 'quick')`);
    await writer.query('commit');
  } finally {
    writer.release();
  }
  await adoption.cutover();
  await market.mustBeSame();
});

it('says that another process led where it was stopped while it waited, and not that tables were locked', async () => {
  const leading = await tryHold(market.database.admin, [lockNames.adoption('shop')]);
  const stop = new AbortController();
  const waiting = adoption.rollback({ signal: stop.signal, onEvent: ({ type }) => type === 'note' && stop.abort() });
  await expect(waiting).rejects.toMatchObject({
    code: 'TENANCY_ADOPTION_BUSY',
    message:
      'The adoption of "shop" went no further, and the side that was in use stays in use: it was stopped while it waited for another process that works on it. Run the same command again when that one is done.',
  });
  await leading?.release();
  await adoption.rollback();
});

it('goes no further than the state that others left it in, and says which one that is', async () => {
  const { admin } = market.database;
  const { rows } = await admin.query<{ id: number }>('select id from tenantry.adoption');
  await expect(moveTo(admin, { id: rows[0]?.id ?? 0, status: 'copied' }, 'cutover')).rejects.toMatchObject({
    message: expect.stringMatching(
      /^The adoption of "shop" is in the state "cutover", so it cannot become "cutover"\./,
    ),
  });
});

it('refuses what the state does not allow', async () => {
  for (const step of [() => adoption.run(), () => adoption.cutover(), () => adoption.abort()])
    await expect(step()).rejects.toMatchObject({ code: 'TENANCY_ADOPTION_STATE' });
  await adoption.finish();
  for (const step of [() => adoption.verify(), () => adoption.finish(), () => adoption.cutover()])
    await expect(step()).rejects.toMatchObject({ code: 'TENANCY_ADOPTION_STATE' });
});
