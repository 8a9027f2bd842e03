import { MikroORM } from '@mikro-orm/postgresql';
import type pg from 'pg';
import { pathToFileURL } from 'node:url';
import type { EntityName } from '@mikro-orm/core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { MigrationClass, MigrationList } from '../../../src/migrations/tenant-migration.js';
import { parseTenantId } from '../../../src/tenant/tenant-id.js';
import { Tenancy } from '../../../src/tenancy.js';
import { createTestDatabase, type TestDatabase } from '../../../../../test/support/database.js';
import { migrationOf } from '../../../../../test/support/migration-of.js';
import { catalogue, type Version } from './support/catalogue.js';
import { openWorkshop, type Workshop } from './support/workshop.js';

const tenants = ['acme', 'globex'];
let database: TestDatabase;
let workshop: Workshop;
beforeAll(async () => {
  database = await createTestDatabase();
  workshop = await openWorkshop();
});
afterAll(async () => {
  await workshop.remove();
  await database.drop();
});

/** Loads the files that were written, as a service does. */
async function written(): Promise<MigrationList> {
  const loaded = workshop.created.map(async ({ name, file }): Promise<[string, MigrationClass]> => {
    const module = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as Record<string, MigrationClass>;
    const [migration] = Object.values(module);
    if (!migration) throw new Error(`${file} exports nothing`);
    return [name, migration];
  });
  return Object.fromEntries(await Promise.all(loaded));
}

async function toHead(): Promise<void> {
  const tenancy = await Tenancy.start({
    url: database.url,
    service: 'shop',
    migrations: await written(),
    shared: {
      schema: 'shared',
      migrations: {
        '000001-country': migrationOf('create table country (code varchar(2) primary key, name varchar(255) not null)'),
      },
      readableByTenants: true,
    },
    reconcile: { automatic: false },
  });
  try {
    const known = await tenancy.catalog.find(parseTenantId('acme'));
    if (!known) for (const id of tenants) await tenancy.catalog.create({ id, name: id });
    expect(await tenancy.reconcile()).toMatchObject({ failed: 0 });
  } finally {
    await tenancy.stop();
  }
}

/** What MikroORM would still change in a live schema so that it equals the entities. */
async function missingIn(schema: string, entities: EntityName[]): Promise<string> {
  const orm = await MikroORM.init({ entities, clientUrl: database.url });
  try {
    return await orm.schema.getUpdateSchemaSQL({ schema, wrap: false });
  } finally {
    await orm.close(true);
  }
}

async function inTenant(schema: string, statements: readonly string[]): Promise<void> {
  const client: pg.PoolClient = await database.admin.connect();
  try {
    await client.query('begin');
    await client.query(`set local search_path to ${schema}`);
    for (const statement of statements) await client.query(statement);
    await client.query('commit');
  } finally {
    client.release(true);
  }
}

async function objectsIn(schema: string): Promise<string[]> {
  const { rows } = await database.admin.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = $1::regnamespace
     union select typname from pg_type where typnamespace = $1::regnamespace order by 1`,
    [schema],
  );
  return rows.map(({ name }) => name);
}

it(
  'gives two tenants exactly what the entities say, change after change, and takes it back',
  { timeout: 180_000 },
  async () => {
    const versions: Version[] = [
      { sku: false },
      { sku: true },
      { sku: true, statuses: ['new', 'used', 'gone'], nameLength: 200 },
      {
        sku: true,
        statuses: ['new', 'used', 'gone'],
        nameLength: 200,
        index: false,
        check: 'price > 0',
        uniqueName: false,
      },
      {
        sku: true,
        statuses: ['new', 'used', 'gone'],
        nameLength: 200,
        index: false,
        check: 'price > 0',
        uniqueName: false,
        tags: false,
      },
    ];
    for (const version of versions) {
      await workshop.create(catalogue(version));
      await toHead();
      for (const tenant of tenants)
        expect(await missingIn(`${tenant}_shop`, catalogue({ ...version, identity: true }))).toBe('');
      expect(await workshop.create(catalogue(version))).toBeUndefined();
    }
    expect(workshop.created).toHaveLength(versions.length);

    for (const { down } of workshop.created.toReversed()) await inTenant('acme_shop', down);
    expect(await objectsIn('acme_shop')).toEqual([]);
    expect(await objectsIn('globex_shop')).toContain('item');
  },
);
