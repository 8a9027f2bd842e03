import { afterEach, beforeEach, expect, it } from 'vitest';
import type { AdoptConfig } from '../../src/adopt/adopt-config.js';
import type { AdoptionPlan } from '../../src/adopt/adoption-plan.js';
import { type Market, marketConfig, openMarket, startMarket, tenantTables } from './support/market.js';

let market: Market;
beforeEach(async () => {
  market = await openMarket(3);
});
afterEach(() => market.close());

/** With other migrations, where a test needs them. */
async function planWith(config: AdoptConfig = marketConfig, statements?: readonly string[]): Promise<AdoptionPlan> {
  if (!statements) return (await market.adoption(config)).plan();
  await market.sql('delete from tenantry.service');
  const tenancy = await startMarket(market.database.url, statements);
  try {
    return await (await tenancy.adoption(config)).plan();
  } finally {
    await tenancy.stop();
  }
}

type Tables = AdoptConfig['tables'];
const withTables = (change: (tables: Tables) => Tables): AdoptConfig => ({
  ...marketConfig,
  tables: change(marketConfig.tables),
});
const changed = (table: string, more: object): AdoptConfig =>
  withTables((tables) => tables.map((each) => (each.table === table ? { ...each, ...more } : each)));
const replaced = (from: string, to: string) => tenantTables.map((text) => text.replace(from, to));

it('finds tenants, tables in the order of their keys, rows, and ways through joins, and nothing against it', async () => {
  const plan = await planWith();
  expect(plan).toMatchObject({ ok: true, problems: [], crossing: [], tenants: { found: 3, known: 0, unfit: [] } });
  expect(plan.tables.map(({ table, tenant, joined, rows }) => [table, tenant, joined, rows])).toEqual([
    ['Order', 'client_id', false, 18],
    ['li"ne', 'order_id → Order.client_id', true, 36],
    ['note', 'line_order, line_no → li"ne.order_id → Order.client_id', true, 18],
    ['setting', 'Tenant Id', false, 6],
  ]);
  expect(plan.rows[0]).toEqual({ tenant: 'c1', sourceId: '1', rows: { Order: 6, 'li"ne': 12, note: 6, setting: 2 } });
  expect(plan.sequences).toEqual([{ table: 'order_entry', column: 'id' }]);
  expect(plan.estimatedSeconds).toBe(1);
});

it('changes nothing', async () => {
  const look = () =>
    market.sql(
      "select nspname, relname from pg_class c join pg_namespace n on n.oid = relnamespace where nspname !~ '^pg_' order by 1, 2",
    );
  const before = await look();
  await planWith();
  expect(await look()).toEqual(before);
  expect(await market.sql('select from tenantry.tenant')).toEqual([]);
});

it('counts rows whose tenant is null or unknown, and refuses them unless they may stay', async () => {
  await market.sql(
    'alter table public.setting drop constraint setting_pkey, alter "Tenant Id" drop not null, add id int generated always as identity primary key',
  );
  await market.sql("insert into public.setting values (null, 'n'), (99, 'u'), (98, 'v')");
  const config = (orphans: 'refuse' | 'leave') => changed('setting', { columns: { id: 'id' }, orphans });
  const statements = replaced('setting (key text primary key', 'setting (id int primary key, key text');
  const refused = await planWith(config('refuse'), statements);
  expect(refused.tables.find(({ table }) => table === 'setting')).toMatchObject({
    rows: 6,
    orphans: { null: 1, unknown: 2, policy: 'refuse' },
  });
  expect(refused.problems.map(({ problem, table }) => [problem, table])).toEqual([['orphans', 'setting']]);
  expect((await planWith(config('leave'), statements)).ok).toBe(true);
});

it('lists foreign keys that cross tenants, with counts and examples', async () => {
  await market.sql(
    `update public."Order" set parent_id = (select min(id) from public."Order" where client_id = 2) where client_id = 1 and parent_id is null`,
  );
  const { ok, crossing } = await planWith();
  expect(ok).toBe(false);
  expect(crossing).toEqual([
    expect.objectContaining({ table: 'Order', constraint: 'Order_parent_id_fkey', to: 'Order', rows: 6 }),
  ]);
  expect(crossing[0]?.examples).toHaveLength(3);
});

it('says which unique constraints mean something else, and counts what a new one would refuse', async () => {
  await market.sql('alter table public."Order" drop constraint "Order_client_id_slug_key", add unique (total, id)');
  await market.sql(`update public."Order" set slug = 'same' where client_id = 1`);
  const { uniques, problems } = await planWith();
  const found = uniques
    .filter(({ table }) => table === 'Order')
    .map(({ constraint, change, duplicates }) => [constraint, change, duplicates]);
  expect(found).toEqual([
    ['primary key', 'within', 0],
    ['Order_total_id_key', 'within', 0],
    ['order_entry_slug_key', 'new', 1],
  ]);
  expect(problems.map(({ problem }) => problem)).toEqual(['duplicates']);
});

it('says which unique constraint is lost', async () => {
  const { uniques, ok } = await planWith(marketConfig, replaced('slug text unique', 'slug text'));
  expect(uniques).toContainEqual(expect.objectContaining({ constraint: 'Order_client_id_slug_key', change: 'lost' }));
  expect(ok).toBe(true);
});

it('lists values that are no tenant ids, and takes a prefix or another column instead', async () => {
  const bare: AdoptConfig = { ...marketConfig, tenants: { table: 'client', id: 'id', tenantId: 'title' } };
  const { tenants, problems } = await planWith(bare);
  expect(tenants).toMatchObject({
    found: 0,
    unfit: [{ sourceId: '1', reason: expect.stringContaining('gives the tenant id "Client 1"') as string }, {}, {}],
  });
  expect(problems.map(({ problem }) => problem)).toContain('unfit-tenants');
  await market.sql(`update public.client set title = 'twin'`);
  expect((await planWith(bare)).tenants.unfit.map(({ reason }) => reason)).toEqual(['occurs twice', 'occurs twice']);
  await market.sql(`update public.client set title = 'good-' || id`);
  expect((await planWith(bare)).rows[0]).toMatchObject({ tenant: 'good-1', sourceId: '1' });
});

it('refuses a name that is none, and a tenant that the catalog has as deleted', async () => {
  await market.sql("update public.client set title = '' where id = 2");
  await market.sql(
    "insert into tenantry.tenant (id, name, status) values ('c3', 'x', 'deleted'), ('c1', 'x', 'active')",
  );
  const { tenants } = await planWith();
  expect(tenants.known).toBe(2);
  expect(tenants.unfit.map(({ sourceId, reason }) => `${sourceId} ${reason}`)).toEqual([
    '2 has the name "", but a tenant name has 1 to 200 characters and no control characters',
    '3 gives the tenant id "c3", which the catalog has as deleted',
  ]);
});

it.each<[string, string, string[], AdoptConfig | undefined, readonly string[] | undefined]>([
  [
    'no-table',
    'a table that is not there',
    [],
    withTables((tables) => [...tables, { table: 'gone', tenant: 'x' }]),
    undefined,
  ],
  [
    'no-table',
    'a table of tenants that is not there',
    [],
    { ...marketConfig, tenants: { table: 'gone', id: 'id' } },
    undefined,
  ],
  ['no-target', 'a tenant table that is not there', [], changed('setting', { as: 'gone' }), undefined],
  ['no-column', 'a tenant column that is not there', [], changed('setting', { tenant: 'gone' }), undefined],
  [
    'no-column',
    'a column of tenants that is not there',
    [],
    { ...marketConfig, tenants: { ...marketConfig.tenants, name: 'gone' } },
    undefined,
  ],
  ['no-column', 'a renamed column that is not there', [], changed('setting', { columns: { gone: 'x' } }), undefined],
  [
    'no-target-column',
    'a column that the tenant table lacks',
    ['alter table public.setting add extra int'],
    undefined,
    undefined,
  ],
  ['other-type', 'a column of another type', [], undefined, replaced('value jsonb', 'value json')],
  ['other-type', 'an enum with other labels', [], undefined, replaced("'new', 'paid'", "'paid', 'new'")],
  [
    'unfilled',
    'a column that nothing fills',
    [],
    undefined,
    replaced('value jsonb', 'value jsonb, needed int not null'),
  ],
  [
    'nulls',
    'a null where the tenant table wants none',
    ["update public.setting set value = null where key = 'x'"],
    undefined,
    replaced('value jsonb', 'value jsonb not null'),
  ],
  [
    'no-primary-key',
    'a table without a primary key',
    ['alter table public.setting drop constraint setting_pkey'],
    undefined,
    undefined,
  ],
  ['no-target-key', 'a tenant table without the key', [], undefined, replaced('key text primary key', 'key text')],
  ['no-way', 'a way that is no foreign key', [], changed('note', { tenant: { via: 'body' } }), undefined],
  [
    'no-way',
    'a way to a table that is not adopted',
    [],
    withTables((tables) => tables.filter(({ table }) => table !== 'Order')),
    undefined,
  ],
  [
    'no-plain-table',
    'a view',
    ['create view public.seen as select * from public.setting'],
    withTables((tables) =>
      [...tables, { table: 'seen', tenant: 'Tenant Id', as: 'note' }].filter(({ table }) => table !== 'note'),
    ),
    undefined,
  ],
  [
    'circle',
    'keys in a circle',
    [],
    undefined,
    [
      ...tenantTables,
      'alter table order_entry add foreign key (slug) references setting',
      'alter table setting add order_id int references order_entry',
    ],
  ],
  [
    'parent-not-adopted',
    'a key to a tenant table that is not adopted',
    [],
    undefined,
    [
      ...tenantTables,
      'create table extra (key text primary key)',
      'alter table setting add foreign key (key) references extra',
    ],
  ],
  [
    'lookup-not-shared',
    'a key to a table that stays and tenants cannot see',
    [
      'create table public.country (code text primary key)',
      'alter table public.setting add country text references public.country',
    ],
    undefined,
    replaced('value jsonb', 'value jsonb, country text'),
  ],
  ['seeded', 'a migration that inserts rows', [], undefined, [...tenantTables, "insert into setting values ('seed')"]],
])('refuses, as %s, %s', async (problem, _, arrange, config, statements) => {
  for (const text of arrange) await market.sql(text);
  const plan = await planWith(config, statements);
  expect(plan.ok).toBe(false);
  expect(plan.problems.map((each) => each.problem)).toContain(problem);
  const adoption = await market.adoption(config);
  if (!statements) await expect(adoption.run()).rejects.toMatchObject({ code: 'TENANCY_ADOPTION_UNFIT' });
  expect(await market.sql('select from tenantry.adoption')).toEqual([]);
});

it('takes a circle of keys when one of them can be deferred, and a shared table that tenants see', async () => {
  await market.sql('create table public.country (code text primary key)');
  await market.sql('alter table public.setting add country text references public.country');
  const country =
    'value jsonb, -- tenantry-allow qualified-name: all tenants have the same countries\n country text references public.country';
  const statements = replaced('value jsonb', country);
  const circle = [
    ...statements,
    'alter table order_entry add foreign key (slug) references setting deferrable',
    'alter table setting add order_id int references order_entry',
  ];
  // The slugs are no settings.
  expect((await planWith(marketConfig, circle)).problems.map(({ problem }) => problem)).toEqual(['crossing']);
  await market.sql('update public."Order" set slug = null');
  expect((await planWith(marketConfig, circle)).ok).toBe(true);
});

it.each<[string, object]>([
  ['an unknown key', { ...marketConfig, tabels: [] }],
  ['a table that stands there twice', withTables((tables) => [...tables, ...tables])],
  ['no table', withTables(() => [])],
])('refuses a config with %s', async (_, config) => {
  await expect(planWith(config as AdoptConfig)).rejects.toMatchObject({ code: 'TENANCY_OPTION_INVALID' });
});
