import { afterAll, beforeAll, expect, it } from 'vitest';
import { actualState, freshIds } from '../../../../test/support/actual-state.js';
import { migrationOf } from '../../../../test/support/migration-of.js';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { widgetMigrations } from '../../../../test/support/widgets.js';
import { Tenancy } from '../../src/tenancy.js';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop.close());

const text = (sql: string, ...params: unknown[]) =>
  shop.database.admin.query<{ value: string }>(sql, params).then(({ rows }) => rows.map(({ value }) => value));

it('makes a schema, a role of the same name, its grants, the ledger and the catalog row', async () => {
  const [id = ''] = freshIds(1);
  await shop.signUp(id);
  const schema = `${id}_shop`;
  expect(await actualState(shop.database.admin, [id])).toEqual({
    schemas: [schema],
    roles: [schema],
    recorded: [schema],
    ledger: [`${schema}:000001-widgets`],
  });
  const attributes = await text(
    "select concat_ws(' ', rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls) as value from pg_roles where rolname = $1",
    schema,
  );
  expect(attributes).toEqual(['f f f f f f']);
  const rights = await text(
    `select privilege_type as value from information_schema.role_table_grants where grantee = $1 and table_name = 'widget' order by 1`,
    schema,
  );
  expect(rights).toEqual(['DELETE', 'INSERT', 'SELECT', 'UPDATE']);
});

it('lets the tenant role use its schema and make nothing in it', async () => {
  const [id = ''] = freshIds(1);
  await shop.signUp(id);
  const may = (right: string) =>
    text('select has_schema_privilege($1, $2, $3)::text as value', `${id}_shop`, `${id}_shop`, right);
  expect(await may('usage')).toEqual(['true']);
  expect(await may('create')).toEqual(['false']);
});

it.each([
  ['a UUID', () => crypto.randomUUID()],
  ['40 characters', () => freshIds(1)[0]?.padEnd(40, 'x') ?? ''],
  ['digits', () => String(Math.trunc(Math.random() * 1e15))],
  ['underscores and hyphens', () => `${freshIds(1)[0]}-a__b--c_d`],
])('provisions a tenant whose id is %s', async (_, makeId) => {
  const id = makeId();
  await shop.signUp(id);
  expect((await actualState(shop.database.admin, [id])).schemas).toEqual([`${id}_shop`]);
  expect(await shop.tenancy.run(id, () => shop.orm.em.execute('select count(*)::int as n from widget'))).toEqual([
    { n: 0 },
  ]);
});

it('keeps tenants apart of whose ids one begins with the other', async () => {
  const [id = ''] = freshIds(1);
  await shop.signUp(id, `${id}_x`);
  const state = await actualState(shop.database.admin, [id, `${id}_x`]);
  expect(state.schemas).toHaveLength(2);
});

it('makes the tables of a later migration usable without another grant', async () => {
  const [id = ''] = freshIds(1);
  await shop.signUp(id);
  const newer = await Tenancy.start({
    url: shop.database.url,
    service: 'shop',
    migrations: {
      ...widgetMigrations,
      '000002-notes': migrationOf('create table note (id int generated always as identity, body text)'),
    },
    reconcile: { automatic: false },
  });
  const report = await newer.reconcile();
  await newer.stop();
  expect(report.changes.find(({ tenant }) => tenant === id)).toMatchObject({
    outcome: 'migrated',
    migrations: ['000002-notes'],
  });
  const body = await shop.tenancy.run(id, () =>
    shop.orm.em.execute("insert into note (body) values ('x') returning id, body"),
  );
  expect(body).toEqual([{ id: 1, body: 'x' }]);
});
