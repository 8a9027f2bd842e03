import { afterEach, beforeEach, expect, it } from 'vitest';
import { freshIds } from '../../../../test/support/actual-state.js';
import { type Garden, openGarden } from './garden.js';

let garden: Garden;
let acme: string;
beforeEach(async () => {
  garden = await openGarden();
  acme = await garden.signUp();
});
afterEach(() => garden.close());

const query = (sql: string, values?: unknown[]) => garden.database.admin.query(sql, values);

it('finds a migration that was recorded but not applied (F17)', async () => {
  await garden.tamper(acme, 'alter table widget drop column size');
  expect(await garden.drift()).toMatchObject({
    clean: false,
    checked: 1,
    drifted: [
      {
        tenant: acme,
        service: 'garden',
        schema: `${acme}_garden`,
        head: '000002-size',
        differences: [
          {
            kind: 'column',
            object: 'widget.size',
            problem: 'missing',
            words: 'Column widget.size is missing.',
            repair: `alter table "${acme}_garden".widget add column size integer;`,
          },
        ],
      },
    ],
  });
});

it.each([
  [
    'a head without its ledger row',
    "delete from tenantry.ledger where migration = '000002-size'",
    'missing',
    /^The head is 000002-size, but the ledger lacks 000002-size\.$/,
  ],
  [
    'a hole in the ledger',
    "delete from tenantry.ledger where migration = '000001-garden'",
    'missing',
    /^The head is 000002-size, but the ledger lacks 000001-garden\.$/,
  ],
  [
    'a migration that nobody registered',
    "insert into tenantry.ledger select schema_name, '000009-x', 'y' from tenantry.tenant_schema",
    'unknown',
    /^The ledger has 000009-x, a migration that the service does not know\.$/,
  ],
  [
    'a migration past the head',
    "update tenantry.tenant_schema set head = '000001-garden'",
    'unknown',
    /^The ledger has 000002-size, which comes after the head 000001-garden\.$/,
  ],
  [
    'an unknown head',
    "update tenantry.tenant_schema set head = '000009-x'",
    'unknown',
    /^The head is 000009-x, a migration that the service does not know\.$/,
  ],
  [
    'a migration that was edited after it ran',
    "update tenantry.ledger set checksum = 'y' where migration = '000001-garden'",
    'different',
    /^000001-garden was another migration when it ran here/,
  ],
])('finds %s', async (_, sql, problem, words) => {
  await query(sql);
  const differences = await garden.differences(acme);
  expect(differences[0]).toMatchObject({ kind: 'ledger', problem, repair: null, words: expect.stringMatching(words) });
});

it('finds what a ledger row that is lost leaves behind: its objects, which nothing explains any more', async () => {
  await query(
    "delete from tenantry.ledger where migration = '000002-size'; update tenantry.tenant_schema set head = '000001-garden'",
  );
  expect(await garden.differences(acme)).toMatchObject([{ kind: 'column', object: 'widget.size', problem: 'unknown' }]);
});

it('reports schemas without a tenant, and tenants without a schema, both ways (F39)', async () => {
  const [gone = '', never = '', erased = ''] = freshIds(3);
  await garden.signUp(gone);
  await query(`drop schema "${gone}_garden" cascade`);
  await garden.tenancy.catalog.create({ id: never, name: never });
  await query(`create schema "${never}_garden"; create schema "${erased}_garden"`);
  const report = await garden.drift();
  expect(report).toMatchObject({ clean: false, checked: 2, drifted: [], unchecked: [], others: 0 });
  expect(report.missing).toEqual([
    {
      tenant: gone,
      service: 'garden',
      schema: `${gone}_garden`,
      problem: 'lost',
      words: expect.stringMatching(/Restore it from a backup/),
    },
    {
      tenant: never,
      service: 'garden',
      schema: `${never}_garden`,
      problem: 'never made',
      words: expect.stringMatching(/has no schema in garden yet/),
    },
  ]);
  expect(report.orphans.toSorted((a, b) => Number(b.tenantExists) - Number(a.tenantExists))).toEqual([
    {
      schema: `${never}_garden`,
      tenant: never,
      service: 'garden',
      tenantExists: true,
      words: expect.stringMatching(/the catalog did not make it/),
    },
    {
      schema: `${erased}_garden`,
      tenant: erased,
      service: 'garden',
      tenantExists: false,
      words: expect.stringMatching(/the catalog has no tenant/),
    },
  ]);
});

it('does not miss a tenant that is suspended, archived or deleted, and expects no schema of it', async () => {
  const [suspended = ''] = freshIds(1);
  await garden.tenancy.catalog.create({ id: suspended, name: suspended });
  await garden.tenancy.catalog.setStatus(suspended, 'suspended');
  await garden.tenancy.catalog.setStatus(acme, 'deleted');
  await garden.tamper(acme, 'drop view cheap');
  expect(await garden.drift()).toMatchObject({ checked: 1, missing: [], drifted: [{ tenant: acme }] });
});

it('leaves schemas of other people alone and only counts them (F40)', async () => {
  await query(
    'create schema billing; create schema "Weird Name"; create schema _garden; create schema acme_other; create table billing.invoice (id int)',
  );
  expect(await garden.drift()).toMatchObject({ clean: true, checked: 1, orphans: [], others: 4 });
});

it('looks at the selected tenants and service only', async () => {
  const other = await garden.signUp();
  await garden.tamper(acme, 'drop view cheap');
  await query('create schema stray_garden');
  expect(await garden.drift({ tenants: [other] })).toMatchObject({ clean: true, checked: 1 });
  expect(await garden.drift({ service: 'garden', tenants: [acme] })).toMatchObject({
    checked: 1,
    drifted: [{ tenant: acme }],
  });
  await expect(garden.drift({ service: 'gardn' })).rejects.toMatchObject({ code: 'TENANCY_OPTION_INVALID' });
  await expect(garden.drift({ tenants: ['nobody'] })).rejects.toMatchObject({ code: 'TENANCY_OPTION_INVALID' });
});

it('says so when what a schema should be cannot be made, instead of guessing', async () => {
  await query("update tenantry.migration set statements = statements || '{select nothing()}' where position = 1");
  expect(await garden.drift()).toMatchObject({
    clean: false,
    drifted: [],
    unchecked: [
      {
        service: 'garden',
        head: '000002-size',
        schemas: [`${acme}_garden`],
        reason: expect.stringMatching(/^the migration 000001-garden cannot be replayed: function nothing/),
      },
    ],
  });
  await query(
    "update tenantry.migration set statements = statements || '{create table stays ()}' || '{commit}' where position = 1",
  );
  const { unchecked } = await garden.drift();
  expect(unchecked[0]?.reason).toMatch(/it ends its transaction: commit/);
});

it('writes nothing: no schema, role or row is left, and none was visible to others', async () => {
  const state = async () =>
    (
      await query(
        `select (select count(*) from pg_namespace) as schemas, (select count(*) from pg_roles where rolname like 'tenantry-drift%') as roles,
                (select count(*) from tenantry.ledger) as ledger, (select count(*) from pg_class) as classes`,
      )
    ).rows;
  const before = await state();
  await garden.tamper(acme, 'drop table maker cascade');
  await query('create table if not exists public.dummy ()');
  await query('drop table public.dummy');
  const tampered = await state();
  await garden.drift();
  expect(await state()).toEqual(tampered);
  expect(tampered[0]?.schemas).toBe(before[0]?.schemas);
});
