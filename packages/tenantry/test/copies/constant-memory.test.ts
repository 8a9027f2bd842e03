import { stat } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freshIds } from '../../../../test/support/actual-state.js';
import { migrationOf } from '../../../../test/support/migration-of.js';
import { CopyProcess } from './support/copy-process.js';
import { type CopyShop, openCopyShop } from './support/copy-shop.js';

const statements = ['create table line (id bigint primary key, body text, raw bytea)'];
/** By hand, with 1 GB: `COPY_MEGABYTES=1000`. */
const megabytes = Number(process.env['COPY_MEGABYTES'] ?? 100);
const [id = '', imported = ''] = freshIds(2);

let shop: CopyShop;
beforeAll(async () => {
  shop = await openCopyShop();
  await shop.signUp(await shop.start({ '000001-line': migrationOf(...statements) }), id);
  // Half of it in many rows, half in few: a row is no more than a chunk to what streams it.
  await shop.inTenant(
    id,
    `insert into line select i, md5(i::text) || repeat(md5((i * 7)::text), 14), null from generate_series(1, ${megabytes * 1000}) i`,
    `insert into line select -i, null, decode(repeat(md5(i::text), 625000), 'hex') from generate_series(1, ${Math.ceil(megabytes / 40)}) i`,
  );
}, 600_000);
afterAll(() => shop.close());

const measured = (what: string, startedAt: number, { maxRssMb = 0 }) =>
  console.log(`${what}: ${Math.round(performance.now() - startedAt)} ms, at most ${Math.round(maxRssMb)} MB resident`);

it('streams out and in with less memory than the rows take', async () => {
  const order = { url: shop.database.url, migrations: { '000001-line': statements }, file: shop.file('large') };
  let startedAt = performance.now();
  const written = await new CopyProcess({ ...order, what: 'export', id }).done();
  measured('export', startedAt, written);
  expect(written.value?.bytes).toBeGreaterThan(megabytes * 900_000);
  expect((await stat(order.file)).size).toBeGreaterThan(megabytes * 1000);
  expect(written.maxRssMb).toBeLessThan(300);
  startedAt = performance.now();
  const read = await new CopyProcess({ ...order, what: 'import', id: imported }).done();
  measured('import', startedAt, read);
  const rows = megabytes * 1000 + Math.ceil(megabytes / 40);
  expect([written.value?.rows, read.value?.rows]).toEqual([rows, rows]);
  expect(read.maxRssMb).toBeLessThan(300);
}, 1_800_000);
