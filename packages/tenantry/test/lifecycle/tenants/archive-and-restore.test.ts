import { MikroORM } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freshIds } from '../../../../../test/support/actual-state.js';
import { migrationOf } from '../../../../../test/support/migration-of.js';
import { openShop, type Shop } from '../../../../../test/support/shop.js';
import { Widget, widgetEntities, widgetMigrations } from '../../../../../test/support/widgets.js';
import { detectDrift } from '../../../src/drift/detect-drift.js';
import { Tenancy } from '../../../src/tenancy.js';
import type { TenantStatus } from '../../../src/tenant/tenant.js';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop({ ownerConnections: 4 });
});
afterAll(() => shop.close());

async function newTenant(): Promise<string> {
  const [id = ''] = freshIds(1);
  await shop.signUp(id);
  await shop.tenancy.run(id, async () => {
    shop.orm.em.create(Widget, { name: id });
    await shop.orm.em.flush();
  });
  return id;
}
const namesOf = (id: string) =>
  shop.tenancy.run(id, async () => (await shop.orm.em.find(Widget, {})).map(({ name }) => name));
const setStatus = (id: string, status: TenantStatus) =>
  shop.database.admin.query('update tenantry.tenant set status = $2 where id = $1', [id, status]);

it('answers 403 for a suspended tenant, and serves it again when it is resumed', async () => {
  const id = await newTenant();
  const { tenants } = shop.tenancy;
  expect(await tenants.suspend(id)).toMatchObject({ id, status: 'suspended' });
  await expect(namesOf(id)).rejects.toMatchObject({ code: 'TENANCY_TENANT_SUSPENDED', status: 403 });
  expect(await tenants.suspend(id)).toMatchObject({ status: 'suspended' });
  expect(await tenants.resume(id)).toMatchObject({ status: 'active' });
  expect(await tenants.resume(id)).toMatchObject({ status: 'active' });
  expect(await namesOf(id)).toEqual([id]);
});

it('gives an archived tenant back as it was, and answers 403 meanwhile', async () => {
  const id = await newTenant();
  const { tenants } = shop.tenancy;
  expect(await tenants.archive(id)).toMatchObject({ status: 'archived' });
  expect(await tenants.archive(id)).toMatchObject({ status: 'archived' });
  await expect(namesOf(id)).rejects.toMatchObject({ code: 'TENANCY_TENANT_ARCHIVED', status: 403 });
  expect(await tenants.restore(id)).toMatchObject({ status: 'active' });
  expect(await tenants.restore(id)).toMatchObject({ status: 'active' });
  expect(await namesOf(id)).toEqual([id]);
  expect((await tenants.show(id)).events.map(({ type }) => type).filter((type) => type.startsWith('tenant.'))).toEqual([
    'tenant.restored',
    'tenant.archived',
    'tenant.created',
  ]);
});

/** A process that listens to nothing: what it remembers of a tenant is good for ten seconds. */
async function deafProcess() {
  const options = {
    url: shop.database.url,
    service: 'shop',
    listenUrl: false,
    reconcile: { automatic: false },
  } as const;
  const tenancy = await Tenancy.start(options);
  const orm = await MikroORM.init(tenancy.orm({ entities: widgetEntities }));
  return {
    namesOf: (id: string) => tenancy.run(id, async () => (await orm.em.find(Widget, {})).map(({ name }) => name)),
    async stop() {
      await orm.close();
      await tenancy.stop();
    },
  };
}

it('lets PostgreSQL refuse an archived tenant to a process that has not heard, which says 403 all the same', async () => {
  const id = await newTenant();
  const deaf = await deafProcess();
  expect(await deaf.namesOf(id)).toEqual([id]);
  await shop.tenancy.tenants.archive(id);
  await expect(deaf.namesOf(id)).rejects.toMatchObject({ code: 'TENANCY_TENANT_ARCHIVED', status: 403 });
  await deaf.stop();
});

it('would be served there if only the status were changed', async () => {
  const id = await newTenant();
  const deaf = await deafProcess();
  expect(await deaf.namesOf(id)).toEqual([id]);
  await setStatus(id, 'archived');
  expect(await deaf.namesOf(id)).toEqual([id]);
  await deaf.stop();
});

it('restores to the head of today, with what was taken down on purpose left there', async () => {
  const [id, held] = [await newTenant(), await newTenant()];
  const { tenants } = shop.tenancy;
  for (const each of [id, held]) await tenants.archive(each);
  await shop.database.admin.query('update tenantry.tenant_schema set held = true where tenant_id = $1', [held]);
  const newer = await Tenancy.start({
    url: shop.database.url,
    service: 'shop',
    migrations: { ...widgetMigrations, '000002-size': migrationOf('alter table widget add column size int') },
    listenUrl: false,
    reconcile: { automatic: false },
  });
  for (const each of [id, held]) await newer.tenants.restore(each);
  expect((await newer.tenants.show(id)).schemas).toMatchObject([{ head: '000002-size' }]);
  expect((await newer.tenants.show(held)).schemas).toMatchObject([{ head: '000001-widgets', held: true }]);
  await newer.stop();
  expect(await namesOf(held)).toEqual([held]);
});

it('is no drift', async () => {
  const id = await newTenant();
  await shop.tenancy.tenants.archive(id);
  expect(await detectDrift(shop.database.admin, { service: 'shop', tenants: [id] })).toMatchObject({ clean: true });
});

it('refuses what cannot be done from where a tenant is', async () => {
  const id = await newTenant();
  const { tenants } = shop.tenancy;
  await expect(tenants.resume('nobody')).rejects.toMatchObject({ code: 'TENANCY_TENANT_UNKNOWN' });
  await expect(tenants.suspend('No Body')).rejects.toMatchObject({ code: 'TENANCY_TENANT_ID_INVALID' });
  await tenants.archive(id);
  await expect(tenants.suspend(id)).rejects.toMatchObject({
    code: 'TENANCY_TENANT_STATUS',
    status: 409,
    message: `Tenant "${id}" is archived; restore it first.`,
  });
  await tenants.restore(id);
  await tenants.suspend(id);
  await expect(tenants.restore(id)).rejects.toMatchObject({ message: `Tenant "${id}" is suspended; resume it first.` });
  await setStatus(id, 'deleted');
  // Deleted by its service, which alone can undo that.
  for (const act of ['suspend', 'resume', 'archive', 'restore'] as const)
    await expect(tenants[act](id)).rejects.toMatchObject({ code: 'TENANCY_TENANT_UNKNOWN' });
});

it('takes an archiving back that PostgreSQL refuses', async () => {
  const id = await newTenant();
  const { admin } = shop.database;
  await admin.query("create function refuse() returns trigger language plpgsql as $$ begin raise 'no'; end $$");
  await admin.query(
    `create trigger no before update on tenantry.tenant_schema for each row when (new.tenant_id = '${id}') execute function refuse()`,
  );
  await expect(shop.tenancy.tenants.archive(id)).rejects.toMatchObject({
    code: 'TENANCY_OPERATION_FAILED',
    message: expect.stringContaining('Everything was taken back') as string,
  });
  await admin.query('drop trigger no on tenantry.tenant_schema');
  expect(await namesOf(id)).toEqual([id]);
});
