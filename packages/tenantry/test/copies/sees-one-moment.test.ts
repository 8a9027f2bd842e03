import { afterAll, beforeAll, expect, it } from 'vitest';
import { freshIds } from '../../../../test/support/actual-state.js';
import { migrationOf } from '../../../../test/support/migration-of.js';
import { lockKey, lockNames } from '../../src/postgres/lock-names.js';
import type { Tenancy } from '../../src/tenancy.js';
import { type CopyShop, openCopyShop } from './support/copy-shop.js';

const first = {
  '000001-pair': migrationOf(
    'create table a (n int)',
    'create table b (n int)',
    'create table big (t text)',
    'create table account (id int generated always as identity primary key)',
  ),
};
const second = {
  ...first,
  '000002-rewrite': migrationOf(
    '-- tenantry-allow table-rewrite: that is what is tried\nalter table b alter column n type bigint',
  ),
};

let shop: CopyShop;
let tenancy: Tenancy;
const [id = ''] = freshIds(1);
beforeAll(async () => {
  shop = await openCopyShop();
  tenancy = await shop.start(first);
  await shop.signUp(tenancy, id);
  await shop.inTenant(
    id,
    'insert into a values (0)',
    'insert into b values (0)',
    "insert into big select repeat('x', 10000) from generate_series(1, 2000)",
  );
});
afterAll(() => shop.close());

it('copies tables as of one moment while they are written', async () => {
  let over = false;
  const writing = (async () => {
    for (let n = 1; !over; n++)
      await shop.inTenant(
        id,
        'begin',
        `insert into a values (${n})`,
        `insert into b values (${n})`,
        'insert into account default values',
        'commit',
      );
  })();
  const copies = freshIds(4);
  for (const [index, copy] of copies.entries()) {
    if (index % 2 === 0) await tenancy.copies.clone(id, copy);
    else {
      await tenancy.copies.export(id, { to: shop.file(copy) });
      await tenancy.copies.import({ from: shop.file(copy), as: copy });
    }
  }
  over = true;
  await writing;
  for (const copy of copies) {
    const [sums] = await shop.sql(
      `select (select sum(n) from "${copy}_shop".a) = (select sum(n) from "${copy}_shop".b) as same,
              (select count(*) from "${copy}_shop".account) = (select count(*) - 1 from "${copy}_shop".b) as complete`,
    );
    expect(sums).toEqual({ same: true, complete: true });
    await shop.inTenant(copy, 'insert into account default values');
  }
});

it('never copies a table that a migration is rewriting as if it were empty', async () => {
  const newer = await shop.start(second);
  let migrated: Promise<unknown> | undefined;
  // At the first row of the first table the migration of a later one is under way: it waits for the export.
  const exporting = newer.copies.export(id, {
    to: shop.file('migrated'),
    onProgress: () => void (migrated ??= newer.fleet.migrate({ selector: { tenants: [id] } }).outcome),
  });
  await exporting;
  expect(await migrated).toMatchObject({ status: 'done' });
  const [copy = ''] = freshIds(1);
  await newer.copies.import({ from: shop.file('migrated'), as: copy });
  const [counts] = await shop.sql(
    `select (select count(*) from "${copy}_shop".a) as a, (select count(*) from "${copy}_shop".b) as b`,
  );
  expect(counts?.['a']).toEqual(counts?.['b']);
});

it('would see such a table empty if it were not locked first', async () => {
  const reader = await shop.database.admin.connect();
  await reader.query('begin isolation level repeatable read read only');
  await reader.query('select from tenantry.tenant');
  await shop.sql(`alter table "${id}_shop".a alter column n type numeric`);
  const { rows } = await reader.query(`select count(*)::int as n from "${id}_shop".a`);
  expect(rows).toEqual([{ n: 0 }]);
  await reader.query('rollback');
  reader.release();
  await shop.sql(`alter table "${id}_shop".a alter column n type int`);
});

it('refuses a tenant that has drifted, and takes one that only has other grants, or is published', async () => {
  const [drifted = '', copy = ''] = freshIds(2);
  const newer = await shop.start(second);
  await shop.signUp(newer, drifted);
  await shop.inTenant(drifted, 'create table mine (n int)');
  const refusal = { code: 'TENANCY_TENANT_DRIFTED', message: expect.stringContaining('mine') };
  await expect(newer.copies.export(drifted, { to: shop.file('drifted') })).rejects.toMatchObject(refusal);
  await expect(newer.copies.clone(drifted, copy)).rejects.toMatchObject(refusal);
  await shop.inTenant(
    drifted,
    'drop table mine',
    'grant select on a to public',
    'create publication feed for table a',
    'alter table a set (fillfactor = 50)',
  );
  await newer.copies.clone(drifted, copy);
  const [grants] = await shop.sql("select has_table_privilege(0::oid, to_regclass($1), 'select') as public", [
    `"${copy}_shop".a`,
  ]);
  expect(grants).toEqual({ public: false });
});

it('waits for nobody who works on the tenant, and lets many read it', async () => {
  const holder = await shop.database.admin.connect();
  await holder.query('begin');
  await holder.query(`select pg_advisory_xact_lock(${lockKey(lockNames.operation(id))})`);
  const [copy = ''] = freshIds(1);
  await expect(tenancy.copies.export(id, { to: shop.file('busy') })).rejects.toMatchObject({
    code: 'TENANCY_TENANT_BUSY',
  });
  await expect(tenancy.copies.clone(id, copy)).rejects.toMatchObject({ code: 'TENANCY_TENANT_BUSY' });
  await holder.query('rollback');
  holder.release();
  await Promise.all(['x', 'y', 'z'].map((name) => tenancy.copies.export(id, { to: shop.file(name) })));
});
