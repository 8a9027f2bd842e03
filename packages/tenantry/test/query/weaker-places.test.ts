import { afterEach, beforeEach, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { giveCatalog } from '../../../../test/support/give-catalog.js';
import { freshIds } from '../../../../test/support/actual-state.js';
import { Logins } from '../../../../test/support/logins.js';
import { Tenancy } from '../../src/tenancy.js';
import type { TenancyOptions } from '../../src/options.js';
import { first } from '../fleet/support/fleet-shop.js';

let database: TestDatabase;
let logins: Logins;
beforeEach(async () => {
  database = await createTestDatabase();
  logins = new Logins(database);
});
afterEach(() => logins.dropWithDatabase());

async function withTenants<T>(options: Partial<TenancyOptions>, fn: (tenancy: Tenancy, ids: string[]) => Promise<T>) {
  const settings = { service: 'shop', migrations: first, reconcile: { automatic: false }, ...options };
  const tenancy = await Tenancy.start({ url: database.url, ...settings });
  try {
    const ids = freshIds(3);
    for (const id of ids) await tenancy.catalog.create({ id, name: id });
    await tenancy.reconcile();
    return await fn(tenancy, ids);
  } finally {
    await tenancy.stop();
  }
}

/** As a hosted PostgreSQL has it: the owner is no superuser, another login serves. */
async function twoLogins(): Promise<Pick<TenancyOptions, 'url' | 'ownerUrl'>> {
  const [owner, service] = [await logins.makeOwner(), await logins.make('noinherit')];
  await giveCatalog(database, owner.role);
  return { url: service.url, ownerUrl: owner.url };
}

it('reports where the owner is no superuser and another login serves', async () => {
  await withTenants(await twoLogins(), async (tenancy, ids) => {
    const { rows, aggregate } = await tenancy.report({
      sql: 'select name, current_user::text as role from item',
      aggregate: 'select count(*)::int as n from merged',
    });
    expect(rows).toEqual(ids.map((tenant) => ({ tenant, name: 'first', role: `${tenant}_shop` })));
    expect(aggregate?.rows).toEqual([{ n: 3 }]);
  });
});

it('reports with `isolation: "schema"`, and writes nothing there either', async () => {
  await withTenants({ isolation: 'schema' }, async (tenancy, ids) => {
    const { rows } = await tenancy.report({ sql: 'select name from item' });
    expect(rows).toEqual(ids.map((tenant) => ({ tenant, name: 'first' })));
    const writing = tenancy.report({ sql: 'with gone as (delete from item returning 1) select * from gone' });
    await expect(writing).rejects.toMatchObject({ code: 'TENANCY_REPORT_INVALID' });
  });
});

it('names types of shared schemas, and finds their tables after the tenant’s own', async () => {
  await database.admin.query(
    "create schema geo; create type geo.unit as enum ('m', 'km'); create table geo.size (unit geo.unit)",
  );
  await database.admin.query(
    "insert into geo.size values ('km'); grant usage on schema geo to public; grant select on geo.size to public",
  );
  await withTenants({ sharedSchemas: ['geo'] }, async (tenancy) => {
    const { columns, aggregate } = await tenancy.report({
      sql: 'select unit from item, size',
      aggregate: `select max(unit) = 'km' as right from merged`,
    });
    expect(columns[1]).toEqual({ name: 'unit', type: 'geo.unit' });
    expect(aggregate?.rows).toEqual([{ right: true }]);
  });
});
