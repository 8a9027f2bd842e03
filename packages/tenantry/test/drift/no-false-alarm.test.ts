import { randomUUID } from 'node:crypto';
import { Migration } from '@mikro-orm/migrations';
import pg from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { freshIds } from '../../../../test/support/actual-state.js';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { giveCatalog } from '../../../../test/support/give-catalog.js';
import { Logins } from '../../../../test/support/logins.js';
import { migrationOf } from '../../../../test/support/migration-of.js';
import { detectDrift } from '../../src/drift/detect-drift.js';
import type { TenancyOptions } from '../../src/options.js';
import { Tenancy } from '../../src/tenancy.js';
import { gardenMigrations } from './garden.js';

let database: TestDatabase;
let logins: Logins;
let started: Tenancy[];
let run: string;
beforeEach(async () => {
  database = await createTestDatabase();
  logins = new Logins(database);
  started = [];
  [run = ''] = freshIds(1);
});
afterEach(async () => {
  for (const tenancy of started) await tenancy.stop();
  await logins.dropWithDatabase();
});

async function start(options: Partial<TenancyOptions> = {}): Promise<Tenancy> {
  const tenancy = await Tenancy.start({
    url: database.url,
    service: 'garden',
    migrations: gardenMigrations,
    reconcile: { automatic: false },
    ...options,
  });
  started.push(tenancy);
  return tenancy;
}

async function signUp(tenancy: Tenancy, ...ids: string[]): Promise<void> {
  for (const id of ids) await tenancy.catalog.create({ id, name: id });
  const { failures } = await tenancy.reconcile();
  expect(failures).toEqual([]);
}

const clean = { clean: true, drifted: [], missing: [], orphans: [], unchecked: [], others: 0 };

it('is silent about fresh tenants, whatever their ids look like', async () => {
  const ids = [
    run,
    `${run}-2`,
    `${run}_2`,
    `${run}_garden`,
    `x${run}`,
    `1${run}`,
    randomUUID(),
    'current',
    'a'.repeat(40),
  ];
  await signUp(await start(), ...ids);
  expect(await detectDrift(database.admin)).toMatchObject({ ...clean, checked: ids.length });
});

it('is silent about a table that is called like a tenant schema', async () => {
  const migrations = {
    '000001-names': migrationOf(
      `create table "${run}_garden" (id int primary key, other int references "${run}_garden")`,
      `create view other as select "${run}_garden".id from "${run}_garden" where "${run}_garden".other > 1`,
    ),
  };
  await signUp(await start({ migrations }), run, `${run}-2`, `x${run}`);
  expect(await detectDrift(database.admin)).toMatchObject({ ...clean, checked: 3 });
});

it('is silent about tenants at an older head, and about those that a migration brought there later', async () => {
  const [first] = Object.entries(gardenMigrations);
  const old = await start({ migrations: Object.fromEntries([first].filter((each) => each !== undefined)) });
  await signUp(old, run, `${run}-2`);
  const renewed = await start();
  expect(await detectDrift(database.admin)).toMatchObject({ ...clean, checked: 2 });
  await renewed.catalog.setStatus(run, 'archived');
  await signUp(renewed, `${run}-3`);
  const { rows } = await database.admin.query('select distinct head from tenantry.tenant_schema');
  expect(rows).toHaveLength(2);
  expect(await detectDrift(database.admin)).toMatchObject({ ...clean, checked: 3 });
});

it.each(['role', 'schema'] as const)('is silent where the owner is no superuser (isolation: %s)', async (isolation) => {
  const [owner, service] = [await logins.makeOwner(), await logins.make('noinherit')];
  await giveCatalog(database, owner.role);
  await signUp(await start({ ownerUrl: owner.url, url: service.url, isolation }), run, `${run}-2`);
  const pool = new pg.Pool({ connectionString: owner.url, max: 1 });
  const report = await detectDrift(pool);
  await pool.end();
  expect(report).toMatchObject({ ...clean, checked: 2 });
});

it('is silent about what migrations do outside a transaction, with code, with rows, and in shared schemas', async () => {
  await database.admin.query('create schema geo; create table geo.country (code char(2) primary key)');
  await database.admin.query(
    "create type geo.unit as enum ('m'); grant usage on schema geo to public; insert into geo.country values ('ES')",
  );
  const first = migrationOf(
    'create table city (id int primary key, country char(2) references country, unit unit)',
    "insert into city values (1, 'ES', 'm')",
  );
  const sharedSchemas = ['geo'];
  await signUp(await start({ migrations: { '000001-city': first }, sharedSchemas }), run, `${run}-2`);
  const migrations = { '000001-city': first, '000002-index': Concurrent, '000003-backfill': Backfill };
  await start({ migrations, sharedSchemas });
  for (const id of [run, `${run}-2`]) {
    await database.admin.query(`create index concurrently city_country_index on "${id}_garden".city (country)`);
    await database.admin.query(`alter table "${id}_garden".city add column name text`);
  }
  await database.admin.query(
    `insert into tenantry.ledger select schema_name, name, checksum from tenantry.tenant_schema join tenantry.migration using (service) where position > 1;
     update tenantry.tenant_schema set head = '000003-backfill'`,
  );
  expect(await detectDrift(database.admin)).toMatchObject({ ...clean, checked: 2 });
});

class Concurrent extends Migration {
  override isTransactional(): boolean {
    return false;
  }
  override up(): void {
    this.addSql('create index concurrently city_country_index on city (country)');
  }
}

class Backfill extends Migration {
  override async up(): Promise<void> {
    this.addSql('alter table city add column name text');
    const cities = await this.execute('select id from city where country = ?', ['ES']);
    for (const { id } of cities) await this.execute('update city set name = ? where id = ?', ['none', id as number]);
  }
}
