import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freshIds } from '../../../../test/support/actual-state.js';
import { migrationOf } from '../../../../test/support/migration-of.js';
import type { Tenancy } from '../../src/tenancy.js';
import { contentsOfSchema, type CopyShop, openCopyShop } from './support/copy-shop.js';
import { anyTable, createTable, type RandomTable } from './support/random-tables.js';

let shop: CopyShop;
beforeAll(async () => {
  shop = await openCopyShop();
});
afterAll(() => shop.close());

const anyTables = fc.uniqueArray(anyTable, { minLength: 1, maxLength: 4, selector: ({ name }) => name });

/** Every run has migrations of its own, so a database that forgot the last ones. */
async function shipped(tables: readonly RandomTable[], seed: boolean): Promise<Tenancy> {
  await shop.sql('delete from tenantry.tenant_schema');
  await shop.sql('delete from tenantry.ledger');
  await shop.sql('delete from tenantry.service');
  const statements = ["create type mood as enum ('happy', 'so so')", ...tables.map(createTable)];
  // A row of the migration itself, which an original may have changed or lost.
  if (seed) statements.push(...tables.map(({ name }) => `insert into ${quoted(name)} default values`));
  return shop.start({ '000001-random': migrationOf(...statements) });
}

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

it('brings any rows of any tables through a file, and into a clone, unchanged', async () => {
  await fc.assert(
    fc.asyncProperty(anyTables, fc.boolean(), async (tables, seed) => {
      const [original = '', imported = '', cloned = ''] = freshIds(3);
      const tenancy = await shipped(tables, seed);
      await shop.signUp(tenancy, original);
      await fill(original, tables);
      const before = await contentsOfSchema(shop, `${original}_shop`);
      await tenancy.copies.export(original, { to: shop.file(original) });
      await tenancy.copies.import({ from: shop.file(original), as: imported });
      await tenancy.copies.clone(original, cloned);
      expect(await contentsOfSchema(shop, `${imported}_shop`)).toEqual(before);
      expect(await contentsOfSchema(shop, `${cloned}_shop`)).toEqual(before);
      await tenancy.stop();
      for (const id of [original, imported, cloned]) {
        await shop.sql(`drop schema "${id}_shop" cascade`);
        await shop.sql(`drop owned by "${id}_shop"`);
        await shop.sql(`drop role "${id}_shop"`);
      }
    }),
    { numRuns: 12 },
  );
});

async function fill(id: string, tables: readonly RandomTable[]): Promise<void> {
  for (const { name, columns, rows } of tables) {
    const into = `"${id}_shop".${quoted(name)}`;
    if (rows.length > 0) await shop.sql(`delete from ${into}`);
    for (const row of rows) {
      const values = columns.map(
        ({ type }, index) => `$${index + 1}::text::${type.replace('mood', `"${id}_shop".mood`)}`,
      );
      await shop.sql(
        `insert into ${into} (${columns.map((column) => quoted(column.name)).join(', ')}) values (${values.join(', ')})`,
        [...row],
      );
    }
  }
}
