import { Migration } from '@mikro-orm/migrations';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { asLogin, type Login, Logins } from '../../../../test/support/logins.js';
import { migrationOf } from '../../../../test/support/migration-of.js';
import { Tenancy } from '../../src/tenancy.js';
import { fill, marketConfig, sharedTables, tenantTables } from './support/market.js';

/** Runs as the tenant, which a mere owner has to become first. */
class Counted extends Migration {
  override async up(): Promise<void> {
    await this.execute('select count(*) from setting');
  }
}

let database: TestDatabase;
let logins: Logins;
let [owner, service, application]: Login[] = [];
let tenancy: Tenancy;
beforeEach(async () => {
  database = await createTestDatabase();
  logins = new Logins(database);
  [owner, service, application] = [await logins.makeOwner(), await logins.make('noinherit'), await logins.make('')];
  await database.admin.query('drop schema tenantry cascade');
  for (const text of [...sharedTables, ...fill(3)]) await database.admin.query(text);
  tenancy = await Tenancy.start({
    url: service.url,
    ownerUrl: owner.url,
    service: 'shop',
    migrations: { '000001-market': migrationOf(...tenantTables), '000002-counted': Counted },
    listenUrl: false,
    ownerConnections: 7,
    connections: 11,
    reconcile: { automatic: false },
  });
});
afterEach(async () => {
  await tenancy.stop();
  await logins.dropWithDatabase();
});

const tables = ['client', '"Order"', '"li""ne"', 'note', 'setting'].map((name) => `public.${name}`);

it('says which rights the owner role lacks', async () => {
  await database.admin.query(`grant select on all tables in schema public to ${owner?.role}`);
  await database.admin.query('revoke usage on language plpgsql from public');
  const plan = await (await tenancy.adoption(marketConfig)).plan();
  expect(plan.problems.map(({ problem, table }) => [problem, table])).toEqual([
    ...['Order', 'li"ne', 'note', 'setting', 'client'].map((table) => ['not-owner', table]),
    ['no-language', null],
  ]);
});

it('adopts, cuts over and rolls back for an application and an owner with no more rights than they need', async () => {
  for (const table of tables) {
    await database.admin.query(`alter table ${table} owner to ${owner?.role}`);
    await database.admin.query(`grant select, insert, update, delete on ${table} to ${application?.role}`);
  }
  await database.admin.query(`alter type public.status owner to ${owner?.role}`);
  const adoption = await tenancy.adoption(marketConfig);
  expect(await adoption.run()).toMatchObject({ status: 'copied', copied: 3 });
  const asApplication = (sql: string) => asLogin(application as Login, sql);
  await asApplication(`update public.setting set value = '7' where "Tenant Id" = 1`);
  await asApplication(`delete from public."li""ne" where no = 2`);
  await adoption.cutover();
  await expect(asApplication(`delete from public.setting`)).rejects.toThrow('live in tenant schemas now');
  expect(await adoption.verify()).toMatchObject({ same: true, pending: 0 });
  const client = await database.admin.connect();
  await client.query('begin; set local role c1_shop');
  await client.query("insert into c1_shop.setting values ('by tenant')");
  await client.query('commit');
  client.release();
  await adoption.rollback();
  expect(await asApplication('select "Tenant Id" from public.setting where key = \'by tenant\'')).toEqual([
    { 'Tenant Id': 1 },
  ]);
  expect(await adoption.verify()).toMatchObject({ same: true, pending: 0 });
  await adoption.abort();
  await asApplication(`delete from public.setting`);
});
