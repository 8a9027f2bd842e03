import { readFile, writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { actualState, freshIds, nothing } from '../../../../test/support/actual-state.js';
import { migrationOf } from '../../../../test/support/migration-of.js';
import { fileHeader } from '../../src/copies/tenant-file/frames.js';
import type { Tenancy } from '../../src/tenancy.js';
import { type CopyShop, openCopyShop } from './support/copy-shop.js';

const first = { '000001-item': migrationOf('create table item (id int primary key, name text)') };

let shop: CopyShop;
let tenancy: Tenancy;
let whole: Buffer;
const [original = '', imported = ''] = freshIds(2);

beforeAll(async () => {
  shop = await openCopyShop();
  tenancy = await shop.start(first);
  await shop.signUp(tenancy, original);
  await shop.inTenant(original, 'insert into item select i, md5(i::text) from generate_series(1, 60000) i');
  await tenancy.copies.export(original, { to: shop.file('whole') });
  whole = await readFile(shop.file('whole'));
});
afterAll(() => shop.close());

/** Imports these bytes; what must not have happened is looked for. */
async function refusal(bytes: Buffer | string): Promise<unknown> {
  await writeFile(shop.file('changed'), bytes);
  const error: unknown = await tenancy.copies.import({ from: shop.file('changed'), as: imported }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(await actualState(shop.database.admin, [imported])).toEqual(nothing);
  expect(await shop.sql('select from tenantry.tenant where id = $1', [imported])).toEqual([]);
  return error;
}

it('refuses a file in which any byte is another, before it writes anything', async () => {
  const place = fc.oneof(
    fc.nat(whole.length - 1),
    fc.nat(200),
    fc.nat(400).map((back) => whole.length - 1 - back),
  );
  await fc.assert(
    fc.asyncProperty(place, fc.integer({ min: 1, max: 255 }), async (index, change) => {
      const changed = Buffer.from(whole);
      changed[index] = (changed[index] ?? 0) ^ change;
      expect(await refusal(changed)).toMatchObject({
        code: expect.stringMatching(/^TENANCY_FILE_(FOREIGN|NEWER|DAMAGED)$/),
      });
    }),
    { numRuns: 150 },
  );
});

it('refuses a file that ends anywhere before its end', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.length - 1), async (length) => {
      const code = length === 0 ? 'TENANCY_FILE_FOREIGN' : 'TENANCY_FILE_DAMAGED';
      expect(await refusal(whole.subarray(0, length))).toMatchObject({ code, status: 400 });
    }),
    { numRuns: 60 },
  );
});

it('refuses a file with a frame left out, twice, or something after its end', async () => {
  const frames = framesOf(whole);
  expect(frames.length).toBeGreaterThan(5);
  for (const [index, frame] of frames.entries()) {
    for (const changed of [frames.toSpliced(index, 1), frames.toSpliced(index, 0, frame)]) {
      const bytes = Buffer.concat([whole.subarray(0, 16), ...changed]);
      expect(await refusal(bytes)).toMatchObject({ code: 'TENANCY_FILE_DAMAGED' });
    }
  }
  expect(await refusal(Buffer.concat([whole, Buffer.alloc(1)]))).toMatchObject({ code: 'TENANCY_FILE_DAMAGED' });
});

function framesOf(file: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 16; at < file.length;) {
    const end = at + 9 + file.readUInt32BE(at + 1);
    frames.push(file.subarray(at, end));
    at = end;
  }
  return frames;
}

it.each([
  ['text', 'insert into item values (1);'],
  ['another program’s', Buffer.from('PGDMP\x01\x0e')],
  ['an empty file', ''],
])('refuses a foreign file: %s', async (_, bytes) => {
  expect(await refusal(bytes)).toMatchObject({ code: 'TENANCY_FILE_FOREIGN', status: 400 });
});

it('refuses a newer format by its header alone', async () => {
  expect(await refusal(Buffer.concat([fileHeader(2), whole.subarray(16)]))).toMatchObject({
    code: 'TENANCY_FILE_NEWER',
    fields: { version: 2, known: 1 },
  });
});

it('refuses what is no file', async () => {
  await expect(tenancy.copies.import({ from: shop.file('missing') })).rejects.toMatchObject({
    code: 'TENANCY_OPTION_INVALID',
  });
});

it('refuses an id that a tenant has or had', async () => {
  await expect(tenancy.copies.import({ from: shop.file('whole') })).rejects.toMatchObject({
    code: 'TENANCY_TENANT_EXISTS',
  });
  await expect(tenancy.copies.clone(original, original)).rejects.toMatchObject({ code: 'TENANCY_TENANT_EXISTS' });
  await expect(tenancy.copies.clone(original, 'Bad Id')).rejects.toMatchObject({ code: 'TENANCY_TENANT_ID_INVALID' });
  await expect(tenancy.copies.clone('nobody', imported)).rejects.toMatchObject({ code: 'TENANCY_TENANT_UNKNOWN' });
  await expect(tenancy.copies.export('nobody', { to: shop.file('none') })).rejects.toMatchObject({
    code: 'TENANCY_TENANT_UNKNOWN',
  });
});

it('takes the whole file, also from a stream', async () => {
  await tenancy.copies.import({ from: Readable.from([whole.subarray(0, 1000), whole.subarray(1000)]), as: imported });
  const rows = await shop.sql(`select count(*)::int as n from "${imported}_shop".item`);
  expect(rows).toEqual([{ n: 60_000 }]);
});
