import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { catalogExecutor } from '../../src/catalog/catalog-executor.js';
import { PostgresCatalog } from '../../src/catalog/postgres-catalog.js';
import { parseServiceName } from '../../src/tenant/service-name.js';
import { parseTenantId } from '../../src/tenant/tenant-id.js';

let database: TestDatabase;
let catalog: PostgresCatalog;
beforeAll(async () => {
  database = await createTestDatabase();
  catalog = new PostgresCatalog(database.admin, database.name, parseServiceName('shop'));
  await database.admin.query(`insert into tenantry.service (name, service_role) values ('shop', 'shop_login')`);
});
afterAll(() => database.drop());

const ids = (tenants: readonly { id: string }[]) => tenants.map(({ id }) => id);
const rowOf = async (id: string) => {
  const { rows } = await database.admin.query('select name, status, erase_after from tenantry.tenant where id = $1', [
    id,
  ]);
  return rows[0] as { name: string; status: string; erase_after: Date | null } | undefined;
};

it('makes a tenant once, active, and never again under the id of a former one', async () => {
  expect(await catalog.create({ id: 'first', name: 'First' })).toEqual({
    id: 'first',
    name: 'First',
    status: 'active',
  });
  const again = catalog.create({ id: 'first', name: 'Second' });
  await expect(again).rejects.toMatchObject({ code: 'TENANCY_TENANT_EXISTS', fields: { tenant: 'first' } });
  expect(await rowOf('first')).toMatchObject({ name: 'First' });
  await database.admin.query("insert into tenantry.former_tenant (id) values ('former')");
  await expect(catalog.create({ id: 'former', name: 'Former' })).rejects.toMatchObject({
    code: 'TENANCY_TENANT_EXISTS',
  });
});

it.each([
  [{ id: 'Not An Id', name: 'x' }, 'TENANCY_TENANT_ID_INVALID'],
  [{ id: 'fine', name: '' }, 'TENANCY_TENANT_NAME_INVALID'],
])('refuses %o', async (tenant, code) => {
  await expect(catalog.create(tenant)).rejects.toMatchObject({ code });
  expect(await rowOf(tenant.id)).toBeUndefined();
});

it('changes name and status of the tenant that was named, and of nobody else', async () => {
  for (const id of ['changed', 'kept']) await catalog.create({ id, name: id });
  await database.admin.query("update tenantry.tenant set updated_at = 'epoch' where id = 'changed'");
  expect(await catalog.rename('changed', 'New name')).toEqual({ id: 'changed', name: 'New name', status: 'active' });
  expect(await catalog.setStatus('changed', 'deleted')).toMatchObject({ status: 'deleted' });
  await database.admin.query("update tenantry.tenant set erase_after = now() where id = 'changed'");
  await catalog.setStatus('changed', 'deleted');
  expect((await rowOf('changed'))?.erase_after).toBeInstanceOf(Date);
  // Who is no longer deleted is not erased when the time has come.
  expect(await catalog.setStatus('changed', 'suspended')).toMatchObject({ status: 'suspended' });
  expect(await rowOf('changed')).toEqual({ name: 'New name', status: 'suspended', erase_after: null });
  expect(await rowOf('kept')).toMatchObject({ name: 'kept', status: 'active' });
  const { rows } = await database.admin.query(
    "select id from tenantry.tenant where updated_at > 'epoch' and id = 'changed'",
  );
  expect(rows).toHaveLength(1);
});

it('refuses to change what is not there, and to give a name that is none', async () => {
  const unknown = { code: 'TENANCY_TENANT_UNKNOWN', fields: { tenant: 'nobody' } };
  await expect(catalog.rename('nobody', 'x')).rejects.toMatchObject(unknown);
  await expect(catalog.setStatus('nobody', 'suspended')).rejects.toMatchObject(unknown);
  await catalog.create({ id: 'named', name: 'Named' });
  const invalid = async () => catalog.rename('named', '');
  await expect(invalid()).rejects.toMatchObject({ code: 'TENANCY_TENANT_NAME_INVALID' });
  expect(await rowOf('named')).toMatchObject({ name: 'Named' });
});

it('lists in pages, in the order of ids', async () => {
  const all = Array.from({ length: 105 }, (_, n) => `page-${String(n).padStart(3, '0')}`);
  await database.admin.query('insert into tenantry.tenant (id, name) select id, id from unnest($1::text[]) id', [
    all.toReversed(),
  ]);
  const before = parseTenantId('page');
  expect(ids(await catalog.list({ after: before }))).toEqual(all.slice(0, 100));
  expect(ids(await catalog.list({ after: before, limit: 3 }))).toEqual(all.slice(0, 3));
  expect(ids(await catalog.list({ after: parseTenantId('page-001'), limit: 2 }))).toEqual(['page-002', 'page-003']);
  expect(ids(await catalog.list({ after: before, limit: 0 }))).toEqual(['page-000']);
  expect(ids(await catalog.list({ limit: 1 }))).toEqual([
    (await database.admin.query<{ id: string }>('select min(id) as id from tenantry.tenant')).rows[0]?.id,
  ]);
  expect(await catalog.list({ limit: 5000 })).toHaveLength(
    Number((await database.admin.query<{ n: string }>('select count(*) as n from tenantry.tenant')).rows[0]?.n),
  );
});

it('gives at most a thousand tenants at once', async () => {
  await database.admin.query(
    "insert into tenantry.tenant (id, name) select 'z-' || n, 'z' from generate_series(1, 1001) n",
  );
  expect(await catalog.list({ limit: 5000 })).toHaveLength(1000);
  await database.admin.query("delete from tenantry.tenant where id like 'z-%'");
});

it('finds where a tenant lives for the service that looks, and only for that one', async () => {
  await catalog.create({ id: 'placed', name: 'Placed' });
  const id = parseTenantId('placed');
  const tenant = { id, name: 'Placed', status: 'active' };
  expect(await catalog.find(id)).toEqual({ tenant, placement: undefined, head: null });
  await database.admin.query(
    `insert into tenantry.tenant_schema (schema_name, tenant_id, service, role_name, service_role, head)
     values ('placed_shop', 'placed', 'shop', 'placed_shop', 'shop_login', '000001-first')`,
  );
  const placement = { service: 'shop', database: database.name, schema: 'placed_shop', role: 'placed_shop' };
  const found = await catalog.find(id);
  expect(found).toEqual({ tenant, placement, head: '000001-first' });
  expect([Object.isFrozen(found), Object.isFrozen(found?.tenant), Object.isFrozen(found?.placement)]).toEqual([
    true,
    true,
    true,
  ]);
  const others = new PostgresCatalog(database.admin, database.name, parseServiceName('other'));
  expect(await others.find(id)).toEqual({ tenant, placement: undefined, head: null });
  const none = new PostgresCatalog(database.admin, database.name, undefined);
  expect(await none.find(id)).toEqual({ tenant, placement: undefined, head: null });
  expect(await catalog.find(parseTenantId('nowhere'))).toBeUndefined();
  await database.admin.query('delete from tenantry.tenant_schema');
});

it('changes within the transaction that it is given, or not at all', async () => {
  const client = await database.admin.connect();
  try {
    const within = catalogExecutor(client);
    await client.query('begin');
    await catalog.create({ id: 'within', name: 'Within' }, within);
    await catalog.rename('within', 'Renamed', within);
    await catalog.setStatus('within', 'suspended', within);
    expect(await rowOf('within')).toBeUndefined();
    const { rows } = await client.query("select name, status from tenantry.tenant where id = 'within'");
    expect(rows).toEqual([{ name: 'Renamed', status: 'suspended' }]);
    await client.query('rollback');
  } finally {
    client.release();
  }
  expect(await rowOf('within')).toBeUndefined();
});

it('takes values by number and by question mark, and without any', async () => {
  const executor = catalogExecutor(database.admin);
  expect((await executor.query('select $1::int + $2::int as sum', [1, 2])).rows).toEqual([{ sum: 3 }]);
  expect((await executor.query('select now() as at')).rows).toEqual([{ at: expect.any(Date) as Date }]);
  expect(await executor.execute('select ?::int - ?::int as difference', [5, 3])).toEqual([{ difference: 2 }]);
  expect(await executor.execute('select 1 as one')).toEqual([{ one: 1 }]);
});
