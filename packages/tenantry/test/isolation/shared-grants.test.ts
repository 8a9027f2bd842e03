import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MikroORM } from '@mikro-orm/postgresql';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { migrationOf } from '../../../../test/support/migration-of.js';
import type { MigrationList } from '../../src/migrations/tenant-migration.js';
import { Tenancy } from '../../src/tenancy.js';

const country = {
  '000001-country': migrationOf("create table country (code text); insert into country values ('fr')"),
};
/** What comes later: a table that draws its ids from a sequence. */
const withRivers = {
  ...country,
  '000002-river': migrationOf(
    'create sequence river_id',
    "create table river (id int primary key default nextval('geo.river_id'), name text)",
    "insert into river (name) values ('Loire')",
  ),
};

let database: TestDatabase;
let running: { close(): Promise<void> }[];
beforeEach(async () => {
  database = await createTestDatabase();
  running = [];
});
afterEach(async () => {
  for (const each of running) await each.close();
  await database.drop();
});

/** A process with a shared schema, and statements in the scope of a tenant and of the catalog. */
async function start(migrations: MigrationList, readableByTenants: boolean) {
  const tenancy = await Tenancy.start({
    url: database.url,
    service: 'shop',
    migrations: { '000001-item': migrationOf('create table item (id int primary key)') },
    shared: { schema: 'geo', migrations, readableByTenants },
    listenUrl: false,
    reconcile: { automatic: false },
  });
  const orm = await MikroORM.init(tenancy.orm({ entities: [], discovery: { warnWhenNoEntities: false } }));
  running.push({ close: () => orm.close().then(() => tenancy.stop()) });
  if (!(await tenancy.catalog.list())[0]) await tenancy.catalog.create({ id: 'acme', name: 'Acme' });
  await tenancy.reconcile();
  return {
    asTenant: (sql: string) => tenancy.run('acme', () => orm.em.fork().execute(sql)),
    inCatalog: (sql: string) => tenancy.runInCatalog(() => orm.em.fork().execute(sql)),
  };
}

const denied = { code: '42501' };
const writes = [
  "insert into geo.river (name) values ('Seine') returning id",
  "update geo.river set name = 'Rhône' where id = 2 returning id",
  'delete from geo.river where id = 2 returning id',
];

describe('a shared table that a later migration adds', () => {
  it('is read by tenants as the others are, and written by none', async () => {
    await start(country, true);
    const { asTenant } = await start(withRivers, true);
    expect(await asTenant('select name from geo.river')).toEqual([{ name: 'Loire' }]);
    expect(await asTenant('select code from geo.country')).toEqual([{ code: 'fr' }]);
    for (const write of [...writes, 'truncate geo.river', "select nextval('geo.river_id')"])
      await expect(asTenant(write)).rejects.toMatchObject(denied);
  });

  it('is read and written by the catalog scope, its sequence included', async () => {
    await start(country, true);
    const { inCatalog } = await start(withRivers, true);
    for (const write of writes) expect(await inCatalog(write)).toEqual([{ id: 2 }]);
    expect(await inCatalog("select name, currval('geo.river_id')::int as id from geo.river")).toEqual([
      { name: 'Loire', id: 2 },
    ]);
    for (const more of ['truncate geo.river', 'create table geo.mine ()'])
      await expect(inCatalog(more)).rejects.toMatchObject(denied);
  });

  it('is closed to tenants where the schema is not opened to them, and all are opened with it', async () => {
    const closed = await start(withRivers, false);
    for (const table of ['geo.country', 'geo.river'])
      await expect(closed.asTenant(`select * from ${table}`)).rejects.toMatchObject(denied);
    expect(await closed.inCatalog('select name from geo.river')).toEqual([{ name: 'Loire' }]);
    const opened = await start(withRivers, true);
    for (const table of ['geo.country', 'geo.river'])
      expect(await opened.asTenant(`select * from ${table}`)).toHaveLength(1);
  });
});

it('gives the catalog scope back what somebody took from it, with the next process that starts', async () => {
  const { inCatalog } = await start(withRivers, true);
  const role = `"tenantry_${database.name}.catalog"`;
  await database.admin.query(
    `revoke all on all tables in schema geo from ${role}; revoke all on all sequences in schema geo from ${role}; revoke all on schema geo from ${role}`,
  );
  for (const write of writes) await expect(inCatalog(write)).rejects.toMatchObject(denied);
  await start(withRivers, true);
  for (const write of writes) expect(await inCatalog(write)).toEqual([{ id: 2 }]);
});
