import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { actualState, freshIds, nothing } from '../../../../../test/support/actual-state.js';
import { openShop, type Shop } from '../../../../../test/support/shop.js';
import { until } from '../../../../../test/support/until.js';
import { Widget } from '../../../../../test/support/widgets.js';
import { detectDrift } from '../../../src/drift/detect-drift.js';
import { Tenancy } from '../../../src/tenancy.js';

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
const sql = async (text: string, values: unknown[] = []) => (await shop.database.admin.query(text, values)).rows;

it('ends what is in flight cleanly: 404 and nothing worse, from the first moment of an erasure to its end', async () => {
  const id = await newTenant();
  const seen = new Set<string>();
  let over = false;
  let served = 0;
  const read = async (n: number) => {
    while (!over) {
      await shop.tenancy
        .run(id, async () => {
          if (n % 2 === 0) await shop.orm.em.find(Widget, {});
          else
            await shop.orm.em.transactional(async (em) => {
              await em.count(Widget);
              await em.find(Widget, {});
            });
          served++;
        })
        .catch((error: { code?: string; message?: string }) => seen.add(error.code ?? String(error.message)));
      // What is refused from memory waits for nothing.
      await nextTurn();
    }
  };
  const load = Array.from({ length: 6 }, (_, n) => read(n));
  await until('there is some load', () => served > 50);
  expect(await shop.tenancy.tenants.erase(id, { now: true })).toMatchObject({ outcome: 'erased' });
  await until('it is noticed', () => seen.size > 0);
  over = true;
  await Promise.all(load);
  expect([...seen]).toEqual(['TENANCY_TENANT_UNKNOWN']);
  expect(await actualState(shop.database.admin, [id])).toEqual(nothing);
});

it('waits for a transaction that is open, and answers 404 from then on', async () => {
  const id = await newTenant();
  const begun = Promise.withResolvers<void>();
  const waiting = Promise.withResolvers<void>();
  const open = shop.tenancy.run(id, () =>
    shop.orm.em.transactional(async (em) => {
      await em.count(Widget);
      begun.resolve();
      await waiting.promise;
      return em.count(Widget);
    }),
  );
  await begun.promise;
  const events: string[] = [];
  const erasing = shop.tenancy.tenants.erase(id, {
    now: true,
    onEvent: ({ type }) => {
      events.push(type);
      if (type === 'waiting') waiting.resolve();
    },
  });
  // What has begun goes on, or is refused as soon as its connection hears that the role may not be entered any more.
  // Why, is asked of the catalog, which may know already that there is no such tenant.
  expect([0, 'TENANCY_SCOPE_REFUSED', 'TENANCY_TENANT_UNKNOWN']).toContain(
    await open.catch(({ code }: { code: string }) => code),
  );
  expect(await erasing).toMatchObject({ outcome: 'erased' });
  expect(events).toContain('waiting');
  await expect(shop.tenancy.run(id, () => shop.orm.em.count(Widget))).rejects.toMatchObject({ status: 404 });
});

it(
  'drops a schema of 500 tables without using up the locks of a server with default settings',
  { timeout: 180_000 },
  async () => {
    const id = await newTenant();
    const [{ slots } = { slots: 0 }] = (await sql(
      "select current_setting('max_locks_per_transaction')::int as slots",
    )) as { slots: number }[];
    expect(slots).toBe(64);
    await sql(
      `do $$ begin
       for n in 1..500 loop
         execute format('create table "${id}_shop".t%s (id serial primary key, name text unique, parent int references "${id}_shop".t%s)', n, greatest(n - 1, 1));
       end loop;
       execute 'create view "${id}_shop".v as select * from "${id}_shop".t1';
       execute 'create type "${id}_shop".mood as enum (''good'')';
       execute 'create table "${id}_shop".parted (n int) partition by range (n)';
       execute 'create table "${id}_shop".part partition of "${id}_shop".parted for values from (1) to (9)';
       execute 'create function "${id}_shop".f(mood "${id}_shop".mood) returns int language sql as ''select 1''';
     end $$`,
    );
    let most = 0;
    let over = false;
    const watch = (async () => {
      while (!over) {
        const [row] = (await sql(
          `select coalesce(max(n), 0)::int as n from (select count(*) as n from pg_locks where not fastpath and pid <> pg_backend_pid()
             and database = (select oid from pg_database where datname = current_database()) group by pid) as each`,
        )) as { n: number }[];
        most = Math.max(most, row?.n ?? 0);
      }
    })();
    const erasure = await shop.tenancy.tenants.erase(id, { now: true });
    over = true;
    await watch;
    expect(erasure).toMatchObject({ outcome: 'erased', operation: { facts: { tables: 506 } } });
    expect(most).toBeLessThan(1500);
    expect(await actualState(shop.database.admin, [id])).toEqual(nothing);
  },
);

it('leaves catalog and database in agreement, and a record that the tenant was', async () => {
  const id = await newTenant();
  await shop.tenancy.tenants.erase(id, { now: true });
  expect(await detectDrift(shop.database.admin, { service: 'shop' })).toMatchObject({
    clean: true,
    orphans: [],
    missing: [],
  });
  expect(
    await sql("select data from tenantry.event where tenant_id = $1 and type = 'tenant.erased'", [id]),
  ).toMatchObject([
    { data: { schemas: [`${id}_shop`], tables: 4, rows: {}, keptRoles: [], by: expect.any(String) as string } },
  ]);
  // The record of the erasure itself, and all before it.
  const events = await sql('select type from tenantry.event where tenant_id = $1 order by id', [id]);
  expect(events.map(({ type }: { type: string }) => type)).toEqual([
    'tenant.created',
    'operation.started',
    'tenant.deleted',
    ...Array.from({ length: 5 }, () => 'operation.step'),
    'tenant.erased',
    'operation.step',
    'operation.done',
  ]);
  await expect(shop.tenancy.catalog.create({ id, name: id })).rejects.toMatchObject({ code: 'TENANCY_TENANT_EXISTS' });
});

it('erases the rows that services declared, in batches, and nobody else’s, also in a partitioned table', async () => {
  await sql('create schema billing');
  await sql('create table billing.invoice (n int, tenant_id text) partition by list (n)');
  await sql('create table billing.one partition of billing.invoice for values in (1)');
  await sql('create table billing.two partition of billing.invoice for values in (2)');
  await sql('create table billing.person (id uuid)');
  const declaring = {
    url: shop.database.url,
    shared: { schema: 'billing', migrations: {} },
    reconcile: { automatic: false },
  };
  const invoices = { table: 'billing.invoice', column: 'tenant_id' };
  await expect(
    Tenancy.start({ ...declaring, tenantRows: [{ table: 'billing.bill', column: 'n' }] }),
  ).rejects.toMatchObject({
    code: 'TENANCY_OPTION_INVALID',
    message: 'The option `tenantRows` is wrong: there is no column "n" in a table billing.bill.',
  });
  const tenantRows = [invoices, { table: 'billing.person', column: 'id' }];
  await (await Tenancy.start({ ...declaring, tenantRows })).stop();
  // Without the option nothing is taken back.
  await (await Tenancy.start(declaring)).stop();
  const [id, other] = [await newTenant(), await newTenant()];
  // Rows of both at the same places of their partitions.
  await sql('insert into billing.invoice select 1, $1 from generate_series(1, 6000)', [id]);
  await sql('insert into billing.invoice select 2, $1 from generate_series(1, 6000)', [other]);
  await shop.tenancy.tenants.erase(id, { now: true });
  expect(await sql('select tenant_id, count(*)::int as n from billing.invoice group by 1')).toEqual([
    { tenant_id: other, n: 6000 },
  ]);
  const [event] = (await sql("select data from tenantry.event where type = 'tenant.erased' and tenant_id = $1", [
    id,
  ])) as {
    data: object;
  }[];
  expect(event?.data).toMatchObject({ rows: { '"billing"."invoice"': 6000, '"billing"."person"': 0 } });
});

it('removes the role also when somebody gave it rights by hand', async () => {
  const id = await newTenant();
  await sql('create table if not exists public.gift (n int)');
  await sql(`grant select on public.gift to "${id}_shop"`);
  await shop.tenancy.tenants.erase(id, { now: true });
  expect(await actualState(shop.database.admin, [id])).toEqual(nothing);
});

it('keeps everything for the grace period, in which the tenant can be restored', async () => {
  const id = await newTenant();
  const { tenants } = shop.tenancy;
  const first = await tenants.erase(id, { graceDays: 7 });
  expect(first).toMatchObject({ outcome: 'scheduled', tenant: { status: 'deleted' } });
  await expect(shop.tenancy.run(id, () => 1)).rejects.toMatchObject({ code: 'TENANCY_TENANT_UNKNOWN' });
  expect(await tenants.eraseDue()).toEqual([]);
  // Asked again, it waits as long as it did.
  expect(await tenants.erase(id)).toEqual(first);
  expect(await tenants.restore(id)).toMatchObject({ status: 'active', eraseAfter: null });
  expect(await shop.tenancy.run(id, () => shop.orm.em.count(Widget))).toBe(0);
  await expect(tenants.erase(id, { graceDays: -1 })).rejects.toMatchObject({ code: 'TENANCY_OPTION_INVALID' });
});

it('erases what is due: by command, or by the reconciler of any process with the owner role', async () => {
  const [one, two] = [await newTenant(), await newTenant()];
  await shop.tenancy.tenants.erase(one, { graceDays: 0 });
  expect(await shop.tenancy.tenants.eraseDue()).toEqual([{ tenant: one, error: undefined }]);
  await shop.tenancy.tenants.erase(two, { graceDays: 0 });
  const reconciling = await Tenancy.start({ url: shop.database.url, service: 'shop', listenUrl: false });
  await until('it is erased', async () => (await sql('select from tenantry.tenant where id = $1', [two])).length === 0);
  await reconciling.stop();
  expect(await actualState(shop.database.admin, [one, two])).toEqual(nothing);
});

it('never erases a tenant that its service only deleted', async () => {
  const id = await newTenant();
  await shop.tenancy.catalog.setStatus(id, 'deleted');
  expect(await shop.tenancy.tenants.eraseDue()).toEqual([]);
  expect(await actualState(shop.database.admin, [id])).toMatchObject({ schemas: [`${id}_shop`] });
});
