import { Migration } from '@mikro-orm/migrations';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freshIds } from '../../../../test/support/actual-state.js';
import { openCliProject } from '../../../../test/support/cli-project.js';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { migrationOf } from '../../../../test/support/migration-of.js';
import type { MigrationList } from '../../src/migrations/tenant-migration.js';
import type { TenancyOptions } from '../../src/options.js';
import { Tenancy } from '../../src/tenancy.js';

let database: TestDatabase;
let started: Tenancy[];
beforeEach(async () => {
  database = await createTestDatabase();
  started = [];
});
afterEach(async () => {
  for (const tenancy of started) await tenancy.stop();
  await database.drop();
});

async function start(migrations: MigrationList, options: Partial<TenancyOptions> = {}): Promise<Tenancy> {
  const tenancy = await Tenancy.start({
    url: database.url,
    service: 'shop',
    migrations,
    listenUrl: false,
    reconcile: { automatic: false },
    ...options,
  });
  started.push(tenancy);
  return tenancy;
}

async function rows<T extends object>(sql: string): Promise<T[]> {
  return (await database.admin.query<T>(sql)).rows;
}

const [itemText, priceText] = ['create table item (id int primary key)', 'alter table item add column price int'];
const item = migrationOf(itemText);
const price = migrationOf(priceText);
const shipped = { '000001-item': item, '000002-price': price };
const registered = () =>
  rows<{ name: string; checksum: string; statements: string[] }>(
    "select name, checksum, statements from tenantry.migration where service = 'shop' order by position",
  );
const changed = (migration: string, reason: string) => ({
  code: 'TENANCY_MIGRATION_CHANGED',
  fields: { migration, reason: expect.stringContaining(reason) as string },
});

describe('a list of migrations that is not the registered one', () => {
  it.each<[string, string, string, MigrationList]>([
    [
      'has another text under the same name',
      '000002-price',
      'differs from the one of that name',
      { ...shipped, '000002-price': migrationOf('alter table item add column price numeric') },
    ],
    [
      'has a statement more',
      '000001-item',
      'differs from the one of that name',
      { ...shipped, '000001-item': migrationOf(itemText, 'create index on item (id)') },
    ],
    [
      'has another name for the same text',
      '000002-price',
      '"000002-cost"',
      { '000001-item': item, '000002-cost': price },
    ],
    ['has them in another order', '000001-item', '"000002-price"', { '000002-price': price, '000001-item': item }],
    [
      'has a new one in the middle',
      '000002-price',
      '"000001-size"',
      {
        '000001-item': item,
        '000001-size': migrationOf('alter table item add column size int'),
        '000002-price': price,
      },
    ],
    [
      'was edited and goes on',
      '000001-item',
      'differs from the one of that name',
      {
        '000001-item': migrationOf('create table item (id bigint primary key)'),
        '000002-price': price,
        '000003-size': migrationOf('alter table item add column size int'),
      },
    ],
  ])('is refused when it %s, and the catalog stays as it is', async (_, migration, reason, list) => {
    await start(shipped);
    const before = await registered();
    await expect(start(list)).rejects.toMatchObject(changed(migration, reason));
    expect(await registered()).toEqual(before);
    expect(await rows('select head from tenantry.service')).toEqual([{ head: '000002-price' }]);
    await start(shipped);
  });

  it('is accepted where it is the same list, an older one or a longer one, and only the longer one changes the head', async () => {
    const heads = () => rows<{ head: string }>('select head from tenantry.service');
    await start(shipped);
    await start(shipped);
    await start({ '000001-item': item });
    expect(await heads()).toEqual([{ head: '000002-price' }]);
    await start({ ...shipped, '000003-size': migrationOf('alter table item add column size int') });
    expect(await heads()).toEqual([{ head: '000003-size' }]);
  });

  it('keeps what is no part of a migration’s text up to date with the same list: how it is taken back, and shared schemas', async () => {
    class WithDown extends Migration {
      override up(): void {
        this.addSql(priceText);
      }
      override down(): void {
        this.addSql('alter table item drop column price');
      }
    }
    await start(shipped);
    await database.admin.query('create schema ext; grant usage on schema ext to public');
    await start({ ...shipped, '000002-price': WithDown }, { sharedSchemas: ['ext'] });
    expect(await rows('select down from tenantry.migration order by position')).toEqual([
      { down: null },
      { down: ['alter table item drop column price'] },
    ]);
    expect(await rows('select shared_schemas from tenantry.service')).toEqual([{ shared_schemas: ['ext'] }]);
  });

  it.each<[string, Record<string, string[]>]>([
    ['has another text', { '000001-item': [itemText], '000002-price': ['alter table item add column price numeric'] }],
    ['has another name', { '000001-item': [itemText], '000002-cost': [priceText] }],
  ])('is refused by a command that only looks, when it %s', async (_, list) => {
    await start(shipped);
    const project = await openCliProject(database.url);
    await project.ship(list);
    const { code, stderr } = await project.run('migrate', '--dry-run');
    await project.close();
    expect(stderr).toMatch(/The migration "000002-price" of "shop" (?:differs from|is in the catalog)/);
    expect(code).toBe(1);
  });
});

describe('a migration that was edited after it ran', () => {
  const [country, edited] = [
    'create table country (code text primary key)',
    'create table country (code char(2) primary key)',
  ];
  const shared = (text: string, more: MigrationList = {}) => ({
    shared: { schema: 'geo', migrations: { '000001-country': migrationOf(text), ...more } },
  });

  it('is refused in a schema that all tenants share, and nothing after it runs', async () => {
    await start({}, shared(country));
    const more = { '000002-city': migrationOf('create table city (name text)') };
    for (const options of [shared(edited), shared(edited, more)])
      await expect(start({}, options)).rejects.toMatchObject(changed('000001-country', 'is not the one that ran'));
    expect(await rows("select migration from tenantry.ledger where schema_name = 'geo'")).toEqual([
      { migration: '000001-country' },
    ]);
    expect(await rows("select to_regclass('geo.city') as city")).toEqual([{ city: null }]);
    await start({}, shared(country, more));
  });

  /** As in a database that was restored from another system. */
  const editLedger = (id: string) =>
    database.admin.query("update tenantry.ledger set checksum = 'of another text' where schema_name = $1", [
      `${id}_shop`,
    ]);

  it('is refused where a tenant’s schema is repaired, and the schema is left alone', async () => {
    const tenancy = await start(shipped);
    const [id = ''] = freshIds(1);
    await tenancy.catalog.create({ id, name: id });
    await tenancy.reconcile();
    await database.admin.query(`revoke usage on schema "${id}_shop" from "${id}_shop"`);
    await editLedger(id);
    expect(await tenancy.reconcile()).toMatchObject({
      failures: [{ tenant: id, code: 'TENANCY_MIGRATION_CHANGED' }],
    });
  });

  it('is refused where a tenant is cloned, and there is no clone', async () => {
    const tenancy = await start(shipped);
    const [id = '', clone = ''] = freshIds(2);
    await tenancy.catalog.create({ id, name: id });
    await tenancy.reconcile();
    await editLedger(id);
    await expect(tenancy.copies.clone(id, clone)).rejects.toMatchObject({
      code: 'TENANCY_TENANT_DRIFTED',
      message: expect.stringContaining('000001-item was another migration when it ran') as string,
    });
    expect(await rows('select id from tenantry.tenant')).toEqual([{ id }]);
  });

  it('is seen by drift', async () => {
    const tenancy = await start(shipped);
    const [id = ''] = freshIds(1);
    await tenancy.catalog.create({ id, name: id });
    await tenancy.reconcile();
    expect(await tenancy.fleet.drift()).toMatchObject({ clean: true });
    await editLedger(id);
    const { drifted } = await tenancy.fleet.drift();
    expect(drifted[0]?.differences.map(({ object, problem }) => `${object} ${problem}`)).toEqual([
      '000001-item different',
      '000002-price different',
    ]);
  });
});
