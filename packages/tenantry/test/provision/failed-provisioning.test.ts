import { afterAll, beforeAll, expect, it } from 'vitest';
import { actualState, freshIds, nothing } from '../../../../test/support/actual-state.js';
import { migrationOf } from '../../../../test/support/migration-of.js';
import { openShop, type Shop } from '../../../../test/support/shop.js';

/** The second migration fails for the tenants whose schema is listed in `public.broken`, after it has done some work. */
const migrations = {
  '000001-widgets': migrationOf('create table widget (id int primary key)'),
  '000002-seed': migrationOf(
    'create table seed (id int primary key)',
    'insert into seed values (1)',
    '-- tenantry-allow qualified-name: one list for all tenants\ninsert into seed select 1 from public.broken where schema_name = current_schema()',
  ),
};

let shop: Shop;
beforeAll(async () => {
  shop = await openShop({ migrations });
  await shop.database.admin.query('create table public.broken (schema_name text)');
});
afterAll(() => shop.close());

const breaks = (id: string) => shop.database.admin.query('insert into public.broken values ($1)', [`${id}_shop`]);
const mends = (id: string) =>
  shop.database.admin.query('delete from public.broken where schema_name = $1', [`${id}_shop`]);
const signUp = (id: string) => shop.tenancy.catalog.create({ id, name: id });

it('leaves no schema, role, ledger or catalog row of a tenant whose migration fails, and says why', async () => {
  const id = crypto.randomUUID();
  await breaks(id);
  await signUp(id);
  await expect(shop.tenancy.run(id, () => undefined)).rejects.toMatchObject({
    code: 'TENANCY_PROVISIONING_FAILED',
    status: 503,
    retryAfter: 5,
    operatorMessage: expect.stringContaining('duplicate key value violates unique constraint "seed_pkey"'),
    detail: expect.not.stringMatching(/seed|_shop/),
  });
  expect(await actualState(shop.database.admin, [id])).toEqual(nothing);
  await mends(id);
});

it('provisions the other tenants, reports the one that failed, and does only that one when it is mended', async () => {
  const ids = freshIds(6);
  const [bad = '', ...good] = ids;
  await breaks(bad);
  for (const id of ids) await signUp(id);
  const report = await shop.tenancy.reconcile();
  expect(report.failures).toEqual([
    { tenant: bad, service: 'shop', code: 'TENANCY_PROVISIONING_FAILED', reason: expect.stringContaining('seed_pkey') },
  ]);
  expect((await actualState(shop.database.admin, ids)).schemas).toEqual(good.map((id) => `${id}_shop`));
  await mends(bad);
  const again = await shop.tenancy.reconcile();
  expect(again.changes.map(({ tenant, outcome }) => [tenant, outcome])).toEqual([[bad, 'provisioned']]);
  expect(again.failed).toBe(0);
});

it('leaves a tenant that exists at its old head when a newer migration fails', async () => {
  const [id = ''] = freshIds(1);
  await signUp(id);
  await shop.tenancy.reconcile();
  const { admin } = shop.database;
  await admin.query(`delete from tenantry.ledger where schema_name = $1 and migration = '000002-seed'`, [`${id}_shop`]);
  await admin.query(`update tenantry.tenant_schema set head = '000001-widgets' where schema_name = $1`, [`${id}_shop`]);
  const report = await shop.tenancy.reconcile();
  expect(report.failures).toMatchObject([
    { tenant: id, reason: expect.stringContaining('relation "seed" already exists') },
  ]);
  expect((await actualState(admin, [id])).ledger).toEqual([`${id}_shop:000001-widgets`]);
  expect(report.services).toMatchObject([{ service: 'shop', head: '000002-seed', behind: 1 }]);
  await shop.tenancy.catalog.setStatus(id, 'deleted');
});
