import { access, readdir, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { actualState, freshIds, nothing } from '../../../../test/support/actual-state.js';
import { migrationOf } from '../../../../test/support/migration-of.js';
import type { Tenancy } from '../../src/tenancy.js';
import { CopyProcess } from './support/copy-process.js';
import { contentsOfSchema, type CopyShop, openCopyShop } from './support/copy-shop.js';
import { requireClean } from './support/require-clean.js';

const statements = [
  'create table item (id int primary key, name text)',
  'create table part (id int primary key, item_id int not null references item)',
];
const migrations = { '000001-item': statements };
const [original = ''] = freshIds(1);

let shop: CopyShop;
let tenancy: Tenancy;
beforeAll(async () => {
  shop = await openCopyShop();
  tenancy = await shop.start({ '000001-item': migrationOf(...statements) });
  await shop.signUp(tenancy, original);
  await shop.inTenant(
    original,
    'insert into item select i, md5(i::text) from generate_series(1, 200000) i',
    'insert into part select i, i from generate_series(1, 200000) i',
  );
  await tenancy.copies.export(original, { to: shop.file('whole') });
});
afterAll(() => shop.close());

async function expectNothing(id: string): Promise<void> {
  expect(await actualState(shop.database.admin, [id])).toEqual(nothing);
  expect(await shop.sql('select from tenantry.tenant where id = $1', [id])).toEqual([]);
}

/** A backend whose client is gone needs a moment to notice. */
const untilGone = () =>
  vi.waitFor(
    async () =>
      expect(
        await shop.sql(
          "select from pg_stat_activity where datname = current_database() and application_name = 'tenantry rows'",
        ),
      ).toEqual([]),
    { timeout: 20_000, interval: 20 },
  );

it.each(['import', 'clone'] as const)('leaves nothing of a killed %s, and the next one does it', async (what) => {
  const [id = ''] = freshIds(1);
  const order = { url: shop.database.url, migrations, file: shop.file('whole') };
  const asked = what === 'import' ? { ...order, what, id } : { ...order, what, id: original, to: id };
  for (const share of [0, 0.3, 0.6]) {
    const copy = new CopyProcess(asked);
    copy.done().catch(() => undefined);
    await copy.reaches(
      share === 0 ? (what === 'import' ? 'verify' : 'rows') : 'rows',
      what === 'import' ? share : share / 2,
    );
    await sleep(Math.random() * 50);
    await copy.kill();
    await untilGone();
    await expectNothing(id);
  }
  await new CopyProcess(asked).done();
  expect(await contentsOfSchema(shop, `${id}_shop`)).toEqual(await contentsOfSchema(shop, `${original}_shop`));
  await requireClean(shop, tenancy, [id]);
});

it('lets one of many that import or clone to the same id at once win', async () => {
  const [id = ''] = freshIds(1);
  const all = await Promise.allSettled([
    tenancy.copies.import({ from: shop.file('whole'), as: id }),
    tenancy.copies.clone(original, id),
    tenancy.copies.import({ from: shop.file('whole'), as: id }),
  ]);
  const refused = all.flatMap((each) => (each.status === 'rejected' ? [each.reason as { code: string }] : []));
  expect(refused.map(({ code }) => code)).toEqual(
    Array.from({ length: 2 }, () => expect.stringMatching(/^TENANCY_TENANT_(BUSY|EXISTS)$/)),
  );
  expect(await contentsOfSchema(shop, `${id}_shop`)).toEqual(await contentsOfSchema(shop, `${original}_shop`));
});

it.each(['rows', 'check'])('leaves nothing when it is stopped at its %s', async (phase) => {
  for (const what of ['import', 'clone'] as const) {
    const [id = ''] = freshIds(1);
    const stop = new AbortController();
    const watch = {
      signal: stop.signal,
      onProgress: (progress: { phase: string }) => void (progress.phase === phase && stop.abort()),
    };
    const copying =
      what === 'import'
        ? tenancy.copies.import({ from: shop.file('whole'), as: id, ...watch })
        : tenancy.copies.clone(original, id, watch);
    await expect(copying).rejects.toMatchObject({
      code: 'TENANCY_TRANSFER_FAILED',
      fields: { reason: 'it was stopped' },
    });
    await expectNothing(id);
  }
});

it('leaves a schema alone that nobody made for the tenant', async () => {
  const [id = ''] = freshIds(1);
  await shop.sql(`create schema "${id}_shop"`);
  await expect(tenancy.copies.import({ from: shop.file('whole'), as: id })).rejects.toMatchObject({
    code: 'TENANCY_SCHEMA_TAKEN',
  });
  await expect(tenancy.copies.clone(original, id)).rejects.toMatchObject({ code: 'TENANCY_SCHEMA_TAKEN' });
  expect(await shop.sql('select from tenantry.tenant where id = $1', [id])).toEqual([]);
});

it('does not spoil a transaction that its caller has open', async () => {
  const [id = ''] = freshIds(1);
  const client = await shop.database.admin.connect();
  await client.query('begin');
  await client.query('create temp table mine (n int)');
  await expect(tenancy.copies.clone(original, original)).rejects.toMatchObject({
    code: expect.stringMatching(/^TENANCY_TENANT_(?:EXISTS|BUSY)$/),
  });
  await expect(tenancy.copies.clone('nobody', id)).rejects.toMatchObject({ code: 'TENANCY_TENANT_UNKNOWN' });
  await client.query('insert into mine values (1)');
  await client.query('commit');
  client.release(true);
});

it('writes a file as a whole or not at all, and never over another', async () => {
  await writeFile(shop.file('mine'), 'my own');
  await expect(tenancy.copies.export(original, { to: shop.file('mine') })).rejects.toMatchObject({
    code: 'TENANCY_OPTION_INVALID',
  });
  const stop = new AbortController();
  const stopped = tenancy.copies.export(original, {
    to: shop.file('stopped'),
    signal: stop.signal,
    onProgress: () => stop.abort(),
  });
  await expect(stopped).rejects.toMatchObject({ code: 'TENANCY_TRANSFER_FAILED' });
  expect((await readdir(shop.folder)).toSorted()).toEqual(['mine', 'whole']);
  await tenancy.copies.export(original, { to: shop.file('mine'), force: true });
  await expect(access(shop.file('mine.partial'))).rejects.toMatchObject({ code: 'ENOENT' });
});

it('exports again after a killed export', async () => {
  const order = {
    url: shop.database.url,
    migrations,
    file: shop.file('killed'),
    what: 'export',
    id: original,
  } as const;
  const copy = new CopyProcess(order);
  copy.done().catch(() => undefined);
  await copy.reaches('rows', 0.2);
  await copy.kill();
  await expect(access(shop.file('killed'))).rejects.toMatchObject({ code: 'ENOENT' });
  await tenancy.copies.export(original, { to: shop.file('killed') });
  await expect(access(shop.file('killed.partial'))).rejects.toMatchObject({ code: 'ENOENT' });
});
