import { open, writeFile } from 'node:fs/promises';
import { zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { actualState, freshIds, nothing } from '../../../../test/support/actual-state.js';
import { migrationOf } from '../../../../test/support/migration-of.js';
import { unpack } from '../../src/copies/tenant-file/file-reader.js';
import { FileWriter } from '../../src/copies/tenant-file/file-writer.js';
import type { Manifest, TableTotals } from '../../src/copies/tenant-file/manifest.js';
import { verifyFile } from '../../src/copies/tenant-file/verify-file.js';
import type { Tenancy } from '../../src/tenancy.js';
import { type CopyShop, openCopyShop } from './support/copy-shop.js';

/** Files that are whole, and lie: their digests are right, their contents are not. */
let shop: CopyShop;
let tenancy: Tenancy;
let manifest: Manifest;
let totals: readonly TableTotals[];
const [original = '', imported = ''] = freshIds(2);
const rows = Array.from({ length: 100_000 }, (_, index) => `${index}\tname ${index}\n`).join('');

beforeAll(async () => {
  shop = await openCopyShop();
  tenancy = await shop.start(
    {
      '000001-item': migrationOf(
        'create table item (id int primary key, name text)',
        'create table address (country text references geo.country)',
      ),
    },
    {
      shared: {
        schema: 'geo',
        migrations: { '000001-geo': migrationOf('create table country (code text primary key)') },
      },
    },
  );
  await shop.signUp(tenancy, original);
  await shop.inTenant(
    original,
    "insert into item select i, 'name ' || i from generate_series(0, 99999) i",
    "insert into geo.country values ('de')",
    "insert into address values ('de')",
  );
  await tenancy.copies.export(original, { to: shop.file('whole') });
  const file = await open(shop.file('whole'));
  const verified = await verifyFile(file, () => undefined);
  await file.close();
  manifest = verified.manifest;
  totals = verified.trailer.tables;
});
afterAll(() => shop.close());

interface Lies {
  readonly manifest?: Manifest;
  readonly totals?: readonly TableTotals[];
  readonly items?: string;
  readonly tables?: readonly string[];
}

async function craft(lies: Lies): Promise<void> {
  const chunks: Buffer[] = [];
  const writer = new FileWriter(async (bytes) => void chunks.push(bytes));
  await writer.begin(lies.manifest ?? manifest);
  for (const table of lies.tables ?? ['address', 'item']) {
    await writer.beginTable({ service: 'shop', table });
    await writer.data(Buffer.from(table === 'item' ? (lies.items ?? rows) : 'de\n'));
  }
  await writer.end(lies.totals ?? totals);
  await writeFile(shop.file('crafted'), Buffer.concat(chunks));
}

const importing = () => tenancy.copies.import({ from: shop.file('crafted'), as: imported });

async function refusal(lies: Lies): Promise<unknown> {
  await craft(lies);
  const error: unknown = await importing().catch((reason: unknown) => reason);
  expect(await actualState(shop.database.admin, [imported])).toEqual(nothing);
  expect(await shop.sql('select from tenantry.tenant where id = $1', [imported])).toEqual([]);
  return error;
}

const service = () => manifest.services[0] as Manifest['services'][number];
const withService = (change: Partial<Manifest['services'][number]>): Manifest => ({
  ...manifest,
  services: [{ ...service(), ...change }],
});
const withItem = (change: Partial<TableTotals>) =>
  totals.map((each) => (each.table === 'item' ? { ...each, ...change } : each));

it('takes a file that says the truth', async () => {
  await craft({});
  await expect(importing()).resolves.toMatchObject({ rows: 100_001 });
  await shop.sql(`delete from tenantry.tenant_schema where tenant_id = $1`, [imported]);
  await shop.sql('delete from tenantry.ledger where schema_name = $1', [`${imported}_shop`]);
  await shop.sql('delete from tenantry.tenant where id = $1', [imported]);
  await shop.sql(`drop schema "${imported}_shop" cascade`);
  await shop.sql(`drop owned by "${imported}_shop"`);
  await shop.sql(`drop role "${imported}_shop"`);
});

it('refuses rows that are none, in the middle of many', async () => {
  const items = rows.replace('50000\t', 'no number\t');
  expect(await refusal({ items })).toMatchObject({
    code: 'TENANCY_TRANSFER_FAILED',
    message: expect.stringContaining('no number'),
  });
});

it('refuses other rows than it counts, and other values than its checksum', async () => {
  expect(await refusal({ items: `${rows}100000\tone more\n` })).toMatchObject({ code: 'TENANCY_FILE_DAMAGED' });
  expect(await refusal({ totals: withItem({ rows: 99_999 }) })).toMatchObject({ code: 'TENANCY_FILE_DAMAGED' });
  expect(await refusal({ totals: withItem({ checksum: '1' }) })).toMatchObject({
    code: 'TENANCY_TRANSFER_FAILED',
    message: expect.stringContaining('are not the 100000 rows that were exported'),
  });
});

it('refuses tables, columns and sequences that the migrations do not make', async () => {
  const [address, item] = service().tables;
  if (!address || !item) throw new Error('no tables');
  const tables = (changed: object) => withService({ tables: [address, { ...item, ...changed }] });
  const column = { name: 'name; drop schema tenantry', type: 'text', generated: false };
  expect(await refusal({ manifest: tables({ columns: [...item.columns, column] }) })).toMatchObject({
    code: 'TENANCY_FILE_UNFIT',
  });
  expect(await refusal({ manifest: tables({ columns: item.columns.slice(1) }) })).toMatchObject({
    code: 'TENANCY_FILE_UNFIT',
  });
  expect(await refusal({ manifest: tables({ name: 'items' }) })).toMatchObject({ code: 'TENANCY_FILE_DAMAGED' });
  expect(
    await refusal({ manifest: withService({ sequences: [{ name: 'x', lastValue: '1', isCalled: true }] }) }),
  ).toMatchObject({
    code: 'TENANCY_FILE_UNFIT',
  });
  expect(await refusal({ manifest: withService({ head: 'none' }) })).toMatchObject({ code: 'TENANCY_FILE_UNFIT' });
  expect(await refusal({ manifest: withService({ service: 'other' }) })).toMatchObject({
    code: 'TENANCY_FILE_DAMAGED',
  });
  expect(await refusal({ tables: ['item', 'address'] })).toMatchObject({ code: 'TENANCY_FILE_DAMAGED' });
  expect(await refusal({ tables: ['address', 'address', 'item'] })).toMatchObject({ code: 'TENANCY_FILE_DAMAGED' });
  expect(await refusal({ manifest: { ...manifest, tenant: { ...manifest.tenant, id: '../x' } } })).toMatchObject({
    code: 'TENANCY_TENANT_ID_INVALID',
  });
});

it('refuses rows that refer to what this database does not have', async () => {
  await shop.inTenant(original, 'delete from address', 'delete from geo.country');
  expect(await refusal({})).toMatchObject({
    code: 'TENANCY_TRANSFER_FAILED',
    message: expect.stringContaining('violates foreign key constraint'),
  });
});

it('takes no more memory for a frame than a chunk has', async () => {
  await expect(unpack(zstdCompressSync(Buffer.alloc(50_000_000)))).rejects.toMatchObject({
    code: 'TENANCY_FILE_DAMAGED',
  });
});
