import { afterAll, beforeAll, expect, it } from 'vitest';
import { Migration } from '@mikro-orm/migrations';
import { freshIds } from '../../../../test/support/actual-state.js';
import { migrationOf } from '../../../../test/support/migration-of.js';
import { requireClean } from './support/require-clean.js';
import { contentsOfSchema, type CopyShop, openCopyShop } from './support/copy-shop.js';

/** Writes a row by code: a copy must not have it twice. */
class Greeting extends Migration {
  override async up(): Promise<void> {
    this.addSql('create table greeting (id int primary key, line text)');
    await this.execute("insert into greeting values (1, 'hello')");
  }
}

const one = {
  '000001-item': migrationOf(
    'create table item (id int primary key, name text)',
    "insert into item values (1, 'seed')",
  ),
};
const two = { ...one, '000002-greeting': Greeting };
const three = { ...two, '000003-size': migrationOf('alter table item add column size int default 7') };
const four = {
  ...three,
  '000004-index': class extends Migration {
    override isTransactional = () => false;
    override up(): void {
      this.addSql('create index concurrently item_name on item (name)');
    }
  },
};

let here: CopyShop;
let there: CopyShop;
beforeAll(async () => {
  [here, there] = await Promise.all([openCopyShop(), openCopyShop()]);
});
afterAll(() => Promise.all([here.close(), there.close()]));

it('brings a tenant of an older version into a newer database, and then to its head', async () => {
  const [id = ''] = freshIds(1);
  const old = await here.start(one);
  await here.signUp(old, id);
  await here.inTenant(id, "update item set name = 'changed' where id = 1", "insert into item values (2, 'two')");
  await old.copies.export(id, { to: here.file('one') });
  const newer = await there.start(four);
  expect(await newer.copies.import({ from: here.file('one') })).toMatchObject({ tenant: id, rows: 2, behind: [] });
  expect(await there.sql(`select * from "${id}_shop".item order by id`)).toEqual([
    { id: 1, name: 'changed', size: 7 },
    { id: 2, name: 'two', size: 7 },
  ]);
  expect(await there.sql(`select line from "${id}_shop".greeting`)).toEqual([{ line: 'hello' }]);
  expect(await there.sql('select head, held from tenantry.tenant_schema where tenant_id = $1', [id])).toEqual([
    { head: '000004-index', held: false },
  ]);
  await requireClean(there, newer, [id]);
});

it('keeps what data migrations wrote as it became, once', async () => {
  const [id = '', cloned = ''] = freshIds(2);
  const tenancy = await there.start(four);
  await there.signUp(tenancy, id);
  await there.inTenant(
    id,
    "update greeting set line = 'good evening'",
    "insert into greeting values (2, 'bye')",
    'delete from item',
  );
  await tenancy.copies.export(id, { to: there.file('data') });
  const target = await here.start(four);
  await target.copies.import({ from: there.file('data') });
  await tenancy.copies.clone(id, cloned);
  const expected = await contentsOfSchema(there, `${id}_shop`);
  expect(expected['greeting']).toHaveLength(2);
  expect(await contentsOfSchema(here, `${id}_shop`)).toEqual(expected);
  expect(await contentsOfSchema(there, `${cloned}_shop`)).toEqual(expected);
});

it('refuses a file with migrations that this database does not know', async () => {
  const [id = ''] = freshIds(1);
  const newer = await there.start({ ...four, '000005-more': migrationOf('create table more (id int)') });
  await there.signUp(newer, id);
  await newer.copies.export(id, { to: there.file('newer') });
  const older = await here.start(four);
  await expect(older.copies.import({ from: there.file('newer') })).rejects.toMatchObject({
    code: 'TENANCY_FILE_UNFIT',
    message: expect.stringContaining('"000005-more"'),
  });
  expect(await here.sql('select from tenantry.tenant where id = $1', [id])).toEqual([]);
});

it('refuses a file of another service, and one whose migrations were edited', async () => {
  const [id = ''] = freshIds(1);
  const other = await openCopyShop();
  try {
    const tenancy = await other.start({ '000001-item': migrationOf('create table item (id int primary key)') });
    await other.signUp(tenancy, id);
    await tenancy.copies.export(id, { to: other.file('edited') });
    const target = await here.start(four);
    await expect(target.copies.import({ from: other.file('edited') })).rejects.toMatchObject({
      code: 'TENANCY_MIGRATION_CHANGED',
    });
    const stock = await other.start({}, { service: 'stock' });
    await stock.reconcile();
    await stock.copies.export(id, { to: other.file('two-services') });
    await expect(target.copies.import({ from: other.file('two-services') })).rejects.toMatchObject({
      code: expect.stringMatching(/CHANGED|UNFIT/),
    });
  } finally {
    await other.close();
  }
});

it('carries all services of a tenant as of one moment, also when one has its code in another process', async () => {
  const [id = '', imported = ''] = freshIds(2);
  const shop = await here.start(four);
  const stock = await here.start({ '000001-shelf': Greeting }, { service: 'stock' });
  await here.signUp(shop, id);
  await stock.reconcile();
  const report = await shop.copies.export(id, { to: here.file('both') });
  expect(report).toMatchObject({ services: ['shop', 'stock'], tables: 3 });
  await expect(shop.copies.import({ from: here.file('both'), as: imported })).rejects.toMatchObject({
    code: 'TENANCY_MIGRATION_NEEDS_SERVICE',
  });
  await shop.copies.with([stock.copies]).import({ from: here.file('both'), as: imported });
  for (const service of ['shop', 'stock'])
    expect(await contentsOfSchema(here, `${imported}_${service}`)).toEqual(
      await contentsOfSchema(here, `${id}_${service}`),
    );
});

it('keeps name, status and labels in a file; a clone is active', async () => {
  const [id = '', imported = '', cloned = ''] = freshIds(3);
  const tenancy = await there.start(four);
  await there.signUp(tenancy, id);
  await there.sql(
    `update tenantry.tenant set name = 'Ümläut "& Co"', status = 'suspended', labels = '{"tier": "gold"}' where id = $1`,
    [id],
  );
  await tenancy.copies.export(id, { to: there.file('labels') });
  await tenancy.copies.import({ from: there.file('labels'), as: imported });
  await tenancy.copies.clone(id, cloned, { name: 'Copy' });
  const rows = await there.sql('select id, name, status, labels from tenantry.tenant where id = any($1) order by id', [
    [imported, cloned],
  ]);
  const expected = [
    { id: imported, name: 'Ümläut "& Co"', status: 'suspended', labels: { tier: 'gold' } },
    { id: cloned, name: 'Copy', status: 'active', labels: { tier: 'gold' } },
  ];
  expect(rows).toEqual(expected.toSorted((a, b) => (a.id < b.id ? -1 : 1)));
  const events = await there.sql(
    "select type, tenant_id as tenant from tenantry.event where tenant_id = any($1) and type like 'tenant.%ed' order by id",
    [[id, imported, cloned]],
  );
  expect(events).toEqual(
    expect.arrayContaining([
      { type: 'tenant.exported', tenant: id },
      { type: 'tenant.imported', tenant: imported },
      { type: 'tenant.cloned', tenant: cloned },
    ]),
  );
});

it('imports an archived tenant archived: nobody may use its role until it is restored', async () => {
  const [id = '', imported = ''] = freshIds(2);
  const tenancy = await there.start(four);
  await there.signUp(tenancy, id);
  await tenancy.tenants.archive(id);
  await tenancy.copies.export(id, { to: there.file('archived') });
  await tenancy.copies.import({ from: there.file('archived'), as: imported });
  const members = () =>
    there.sql(
      'select from pg_auth_members where roleid = to_regrole($1) and not admin_option and member <> current_user::regrole',
      [`${imported}_shop`],
    );
  expect(await members()).toEqual([]);
  await expect(tenancy.run(imported, () => undefined)).rejects.toMatchObject({ code: 'TENANCY_TENANT_ARCHIVED' });
  await tenancy.tenants.restore(imported);
  expect(await members()).toHaveLength(1);
  expect(await contentsOfSchema(there, `${imported}_shop`)).toEqual(await contentsOfSchema(there, `${id}_shop`));
});

it('leaves a whole tenant that is behind when its own rows stop a later migration', async () => {
  const [id = '', imported = ''] = freshIds(2);
  const shop = await openCopyShop();
  try {
    const old = await shop.start(one);
    await shop.signUp(old, id);
    await shop.inTenant(id, "insert into item values (2, 'seed')");
    await old.copies.export(id, { to: shop.file('twice') });
    const newer = await shop.start({ ...one, '000002-unique': migrationOf('alter table item add unique (name)') });
    const report = await newer.copies.import({ from: shop.file('twice'), as: imported });
    expect(report.behind).toMatchObject([{ service: 'shop', code: 'TENANCY_MIGRATION_FAILED' }]);
    expect(await contentsOfSchema(shop, `${imported}_shop`)).toEqual(await contentsOfSchema(shop, `${id}_shop`));
    await shop.inTenant(imported, 'delete from item where id = 2');
    const outcome = await newer.fleet.migrate({ selector: { tenants: [imported] } }).outcome;
    expect(outcome).toMatchObject({ status: 'done', done: 1 });
  } finally {
    await shop.close();
  }
});
