import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { Widget } from '../../../../test/support/widgets.js';
import { quoteIdentifier } from '../../src/postgres/quote.js';
import { schemaNameOf } from '../../src/tenant/schema-name.js';
import { parseServiceName } from '../../src/tenant/service-name.js';
import { parseTenantId, whyNotTenantId } from '../../src/tenant/tenant-id.js';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop.close());

const validId = fc
  .stringMatching(/^[a-z0-9]([a-z0-9_-]{0,38}[a-z0-9])?$/)
  .filter((id) => whyNotTenantId(id) === undefined);
const serviceName = fc.stringMatching(/^[a-z][a-z0-9]{0,21}$/);
/** Anything, and what is nearly a tenant id. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.string({ unit: 'grapheme', maxLength: 80 }),
  fc.string({
    unit: fc.constantFrom('a', '0', '_', '-', '"', "'", '.', ';', '\0', '\\', '/', ' ', 'A', 'é', '😀', '%', '$'),
    maxLength: 70,
  }),
  validId.map((id) => `pg_${id}`),
  fc
    .tuple(validId, fc.constantFrom('"', "'", '.', '\0', ';', ' ', '\n', '"; drop schema tenantry; --', '/../', 'É'))
    .map(([id, tail]) => id + tail),
  fc.stringMatching(/^[a-z0-9]{41,80}$/),
  fc.constantFrom(
    'public',
    'pg_catalog',
    'information_schema',
    'tenantry',
    'none',
    'postgres',
    'template0',
    '',
    '_a',
    'a_',
    '-',
  ),
);

describe('any text', () => {
  it('is refused as a tenant id, or names one schema in at most 63 bytes that needs no escaping', () => {
    fc.assert(
      fc.property(anyText, serviceName, (text, service) => {
        if (whyNotTenantId(text) !== undefined) {
          expect(() => parseTenantId(text)).toThrow(expect.objectContaining({ code: 'TENANCY_TENANT_ID_INVALID' }));
          return;
        }
        const schema = schemaNameOf(parseTenantId(text), parseServiceName(service));
        expect(schema).toMatch(/^[a-z0-9][a-z0-9_-]*$/);
        expect(Buffer.byteLength(schema)).toBeLessThanOrEqual(63);
        expect(schema).not.toMatch(/^pg_|^(?:information_schema|public|tenantry)$/);
        expect(quoteIdentifier(schema)).toBe(`"${schema}"`);
      }),
      { numRuns: 3000 },
    );
  });

  it('never names the schema of another pair of tenant and service', () => {
    fc.assert(
      fc.property(validId, serviceName, validId, serviceName, (id, service, otherId, otherService) => {
        const [one, other] = [
          schemaNameOf(parseTenantId(id), parseServiceName(service)),
          schemaNameOf(parseTenantId(otherId), parseServiceName(otherService)),
        ];
        expect(one === other).toBe(id === otherId && service === otherService);
      }),
      { numRuns: 3000 },
    );
  });

  it('that is no tenant id changes nothing, wherever it is used', async () => {
    const before = await namesThere();
    const refused = fc.asyncProperty(
      anyText.filter((text) => whyNotTenantId(text) !== undefined),
      async (text) => {
        const invalid = { code: 'TENANCY_TENANT_ID_INVALID' };
        await expect(shop.tenancy.run(text, () => 'ran')).rejects.toMatchObject(invalid);
        await expect(shop.tenancy.catalog.create({ id: text, name: 'x' })).rejects.toMatchObject(invalid);
        await expect(shop.tenancy.catalog.setStatus(text, 'deleted')).rejects.toMatchObject(invalid);
      },
    );
    await fc.assert(refused, { numRuns: 150 });
    expect(await namesThere()).toEqual(before);
  });
});

it('gives every valid id SQL inside its own schema and nowhere else', async () => {
  const { tenancy, orm } = shop;
  const odd = ['a', '0', '0-0', 'a--b', 'a__b', 'select', 'user', 'null', 'x'.repeat(40), 'pg', 'pgx', '1e9'].filter(
    (id) => whyNotTenantId(id) === undefined,
  );
  const ids = [...new Set([...odd, ...fc.sample(validId, 15)])];
  await shop.signUp(...ids);
  await Promise.all(
    ids.map((id) =>
      tenancy.run(id, async () => {
        orm.em.create(Widget, { name: id });
        await orm.em.flush();
        await orm.em.execute('insert into widget (name) values (?)', [id]);
      }),
    ),
  );
  const { schemas } = await namesThere();
  expect(schemas).toEqual(ids.map((id) => `${id}_shop`).toSorted());
  for (const id of ids) {
    const { rows } = await shop.database.admin.query(`select name from ${quoteIdentifier(`${id}_shop`)}.widget`);
    expect(rows).toEqual([{ name: id }, { name: id }]);
  }
});

it('without the wall: two long names meet in one schema, because PostgreSQL cuts both without an error', async () => {
  const long = 'x'.repeat(63);
  const client = await shop.database.admin.connect();
  await client.query('begin');
  await client.query(`create schema ${quoteIdentifier(`${long}-acme`)}`);
  await expect(client.query(`create schema ${quoteIdentifier(`${long}-globex`)}`)).rejects.toMatchObject({
    code: '42P06',
  });
  await client.query('rollback');
  client.release();
});

/** The schemas and tables there are, but for those of every database. */
async function namesThere(): Promise<{ schemas: string[]; tables: number }> {
  const { rows } = await shop.database.admin.query<{ name: string }>(
    `select nspname as name from pg_namespace where nspname !~ '^pg_' and nspname not in ('information_schema', 'public', 'tenantry')`,
  );
  const { rows: tables } = await shop.database.admin.query('select from pg_tables');
  return { schemas: rows.map(({ name }) => name).toSorted(), tables: tables.length };
}
