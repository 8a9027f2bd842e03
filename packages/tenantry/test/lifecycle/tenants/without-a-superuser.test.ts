import { afterEach, beforeEach, expect, it } from 'vitest';
import { actualState, freshIds, nothing } from '../../../../../test/support/actual-state.js';
import { createTestDatabase, type TestDatabase } from '../../../../../test/support/database.js';
import { Logins } from '../../../../../test/support/logins.js';
import { widgetMigrations } from '../../../../../test/support/widgets.js';
import type { TenancyOptions } from '../../../src/options.js';
import { Tenancy } from '../../../src/tenancy.js';

let database: TestDatabase;
let logins: Logins;
let tenancy: Tenancy;
beforeEach(async () => {
  database = await createTestDatabase();
  logins = new Logins(database);
  await database.admin.query('drop schema tenantry cascade');
});
afterEach(async () => {
  await tenancy.stop();
  await logins.dropWithDatabase();
});

async function start(options: Pick<TenancyOptions, 'url'> & Partial<TenancyOptions>): Promise<string> {
  tenancy = await Tenancy.start({
    service: 'shop',
    migrations: widgetMigrations,
    reconcile: { automatic: false },
    ...options,
  });
  const [id = ''] = freshIds(1);
  await tenancy.catalog.create({ id, name: id });
  await tenancy.reconcile();
  return id;
}

/** The whole life of a tenant, with an owner role as a hosted PostgreSQL hands it out. */
async function live(id: string): Promise<void> {
  const { tenants } = tenancy;
  const to = `${id}x`;
  expect(await tenants.archive(id)).toMatchObject({ status: 'archived' });
  expect(await tenants.restore(id)).toMatchObject({ status: 'active' });
  expect(await tenancy.run(id, () => 'served')).toBe('served');
  expect(await tenants.rename(id, { to })).toMatchObject({ id: to });
  expect(await tenancy.run(to, () => 'served')).toBe('served');
  expect(await tenants.erase(to, { now: true })).toMatchObject({ outcome: 'erased' });
  expect(await actualState(database.admin, [id, to])).toEqual(nothing);
}

it('does all of it with an owner that may make roles and nothing else', async () => {
  const [owner, service] = [await logins.makeOwner(), await logins.make('noinherit')];
  const id = await start({ url: service.url, ownerUrl: owner.url });
  await live(id);
});

it('says what only a superuser can take back, and goes on when that is done', async () => {
  const [owner, service] = [await logins.makeOwner(), await logins.make('noinherit')];
  const id = await start({ url: service.url, ownerUrl: owner.url });
  await database.admin.query('create table public.gift (n int)');
  await database.admin.query(`grant select on public.gift to "${id}_shop"`);
  const erasing = tenancy.tenants.erase(id, { now: true });
  const { message } = await erasing.then(
    () => new Error('It went through.'),
    (error: Error) => error,
  );
  expect(message).toContain(`a superuser must run: drop owned by "${id}_shop"`);
  await database.admin.query(`drop owned by "${id}_shop"`);
  expect(await tenancy.tenants.erase(id, { now: true })).toMatchObject({ outcome: 'erased' });
  expect(await actualState(database.admin, [id])).toEqual(nothing);
});

it('does all of it with tenants that are kept apart by name only, and leaves the login that they share', async () => {
  const owner = await logins.make('');
  await database.admin.query(`grant create on database "${database.name}" to ${owner.role}`);
  const id = await start({ url: owner.url, isolation: 'schema' });
  const neighbour = await again();
  await live(id);
  expect(await tenancy.run(neighbour, () => 'served')).toBe('served');
});

async function again(): Promise<string> {
  const [id = ''] = freshIds(1);
  await tenancy.catalog.create({ id, name: id });
  await tenancy.reconcile();
  return id;
}
