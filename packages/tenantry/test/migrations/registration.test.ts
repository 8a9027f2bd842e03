import { Migration } from '@mikro-orm/migrations';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
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

const refusal = (rule: string) => ({
  code: 'TENANCY_MIGRATION_UNFIT',
  operatorMessage: expect.stringContaining(`-- tenantry-allow ${rule}: <reason>`) as string,
});
const first = { '000001-item': migrationOf('create table item (id int primary key, name text)') };
const registered = async () =>
  (await database.admin.query<{ name: string }>('select name from tenantry.migration order by position')).rows.map(
    ({ name }) => name,
  );

class Coded extends Migration {
  override async up(): Promise<void> {
    await this.execute('insert into public.log values (1)');
  }
}
class Down extends Migration {
  override up(): void {
    this.addSql('create table more (id int primary key)');
  }
  override down(): void {
    this.addSql('drop table public.more');
  }
}

describe('a tenant migration that reaches past its schema', () => {
  it.each<[string, string, MigrationList[string]]>([
    ['makes an extension', 'leaves-tenant-schema', migrationOf('create extension citext')],
    ['makes a table elsewhere', 'qualified-name', migrationOf('create table public.x (id int)')],
    ['hides it in a longer text', 'qualified-name', migrationOf('create table x (id int); drop table public.y')],
    ['makes a schema', 'leaves-tenant-schema', migrationOf('create schema other')],
    [
      'moves the path',
      'leaves-tenant-schema',
      migrationOf('set local search_path to public', 'create table x (id int)'),
    ],
    ['changes a role', 'leaves-tenant-schema', migrationOf('alter role postgres login')],
    [
      'gives a reason for another rule',
      'qualified-name',
      migrationOf('-- tenantry-allow serial: no\ncreate table public.x (id int)'),
    ],
    ['refers to a table elsewhere', 'qualified-name', migrationOf('create table x (id int references public.y)')],
    ['does it in code', 'qualified-name', Coded],
    ['does it on the way back', 'qualified-name', Down],
    [
      'gives no reason',
      'qualified-name',
      migrationOf('-- tenantry-allow qualified-name:\ncreate table public.x (id int)'),
    ],
  ])('is refused at registration, by itself and after others, when it %s', async (_, rule, migration) => {
    await expect(start({ '000001-bad': migration })).rejects.toMatchObject(refusal(rule));
    await start(first);
    await expect(start({ ...first, '000002-bad': migration })).rejects.toMatchObject(refusal(rule));
    expect(await registered()).toEqual(['000001-item']);
    const { rows } = await database.admin.query("select from pg_extension where extname = 'citext'");
    expect(rows).toEqual([]);
  });

  it('runs where the statement gives a reason, and once registered is asked about no more', async () => {
    const allowed = {
      '000001-log': migrationOf(
        'create table item (id int primary key)',
        '-- tenantry-allow qualified-name: one log for all\ninsert into public.log values (current_schema())',
      ),
    };
    await database.admin.query('create table public.log (line text)');
    const tenancy = await start(allowed);
    await tenancy.catalog.create({ id: 'acme', name: 'Acme' });
    expect(await tenancy.reconcile()).toMatchObject({ provisioned: 1 });
    // What the refusal keeps away: nothing else does, because migrations run as the owner.
    const { rows } = await database.admin.query('select line from public.log');
    expect(rows).toEqual([{ line: 'acme_shop' }]);
    await database.admin.query("update tenantry.migration set statements = array['create table public.x ()']");
    await start(allowed);
  });

  it('may refer to schemas that are shared, and change nothing in them', async () => {
    const shared = {
      schema: 'geo',
      migrations: { '000001-country': migrationOf('create table country (code text primary key)') },
    };
    const refers = { '000001-city': migrationOf('create table city (country text references geo.country)') };
    await start(refers, { shared });
    // Of another service, which this process knows from the catalog only.
    await start(refers, { service: 'other' });
    const changes = { ...refers, '000002-more': migrationOf('alter table geo.country add column name text') };
    await expect(start(changes, { shared })).rejects.toMatchObject(refusal('qualified-name'));
  });

  it('takes built-in types in the signature of a function for what they are', async () => {
    await start({
      '000001-functions': migrationOf(
        "create function double(int, text default '') returns int language sql as 'select $1 * 2'",
        "comment on function double(int, text) is 'twice'",
        'alter function double(int, text) immutable',
        'create aggregate total(int) (sfunc = int4pl, stype = int)',
        'drop function double(int, text)',
      ),
    });
  });
});

describe('a tenant migration that hurts a fleet', () => {
  const slow = migrationOf('alter table item alter column name type int using (name::int)');

  it('is refused once the service is there', async () => {
    await start(first);
    await expect(start({ ...first, '000002-slow': slow })).rejects.toMatchObject(refusal('table-rewrite'));
    expect(await registered()).toEqual(['000001-item']);
  });

  it('is registered in a new database with the rest of a long history, where there are no rows', async () => {
    await start({ ...first, '000002-slow': slow, '000003-old': migrationOf('create table old (id serial)') });
    expect(await registered()).toEqual(['000001-item', '000002-slow', '000003-old']);
  });

  it('is registered where it says why', async () => {
    await start(first);
    const text =
      '-- tenantry-allow table-rewrite: ten rows each\nalter table item alter column name type int using (name::int)';
    await start({ ...first, '000002-slow': migrationOf(text) });
    expect(await registered()).toEqual(['000001-item', '000002-slow']);
  });
});
