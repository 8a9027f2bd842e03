import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Garden, openGarden } from './garden.js';

let garden: Garden;
beforeAll(async () => {
  garden = await openGarden();
});
afterAll(() => garden.close());

it('finds an INVALID index that a concurrent build left, and repairs it once the duplicates are gone', async () => {
  const tenant = await garden.signUp();
  await garden.tamper(
    tenant,
    'drop index widget_code_index',
    "insert into widget (name, code) values ('a', 'same'), ('b', 'same')",
  );
  const build = 'create unique index concurrently widget_code_index on widget (code) where code is not null';
  await expect(garden.tamper(tenant, build)).rejects.toThrow(/could not create unique index/);
  const [difference] = await garden.differences(tenant);
  expect(difference).toEqual({
    kind: 'index',
    object: 'widget_code_index',
    problem: 'invalid',
    words: expect.stringMatching(
      /^Index widget_code_index on widget is INVALID: .* needs its duplicates removed first\.$/,
    ),
    repair: `reindex index concurrently "${tenant}_garden".widget_code_index;`,
    destructive: false,
  });
  await garden.tamper(tenant, "delete from widget where name = 'b'", difference?.repair ?? '');
  expect(await garden.differences(tenant)).toEqual([]);
});

it('finds an INVALID index that nobody wants, and says that it is INVALID', async () => {
  const tenant = await garden.signUp();
  await garden.tamper(tenant, "insert into widget (name, note) values ('a', 'same'), ('b', 'same')");
  await expect(
    garden.tamper(tenant, 'create unique index concurrently leftover on widget (note)'),
  ).rejects.toMatchObject({ code: '23505' });
  const [difference] = await garden.differences(tenant);
  expect(difference).toMatchObject({ object: 'leftover', problem: 'unknown', destructive: true });
  expect(difference?.words).toMatch(/^The INVALID index leftover on widget is there/);
  await garden.tamper(tenant, difference?.repair ?? '');
  expect(await garden.differences(tenant)).toEqual([]);
});

it('finds a value added to an enum, and leaves it to people: PostgreSQL cannot take it away', async () => {
  const tenant = await garden.signUp();
  await garden.tamper(tenant, "alter type mood add value 'angry'");
  expect(await garden.differences(tenant)).toMatchObject([
    {
      kind: 'type',
      object: 'mood',
      problem: 'different',
      repair: null,
      words: expect.stringContaining("has 'angry', which no migration adds"),
    },
  ]);
});

it('finds a value that an enum lacks, and adds it at its place', async () => {
  const tenant = await garden.signUp();
  await garden.tamper(
    tenant,
    'drop function moods(mood)',
    'alter table widget drop column mood',
    'drop type mood',
    "create type mood as enum ('busy')",
  );
  const differences = await garden.differences(tenant);
  expect(differences.find(({ kind }) => kind === 'type')).toMatchObject({
    words: "Enum mood lacks 'calm'.",
    repair: `alter type "${tenant}_garden".mood add value 'calm' before 'busy';`,
  });
  for (const { repair } of differences) await garden.tamper(tenant, repair ?? 'not repairable');
  expect(await garden.differences(tenant)).toEqual([]);
});

it('finds the values of an enum in another order', async () => {
  const tenant = await garden.signUp();
  await garden.tamper(
    tenant,
    'drop function moods(mood)',
    'alter table widget drop column mood',
    'drop type mood',
    "create type mood as enum ('busy', 'calm')",
  );
  const found = (await garden.differences(tenant)).find(({ kind }) => kind === 'type');
  expect(found).toMatchObject({ words: "Enum mood has its values in another order: 'busy', 'calm'.", repair: null });
});

it('finds a domain that checks something else', async () => {
  const tenant = await garden.signUp();
  await garden.tamper(tenant, 'alter domain short drop constraint short_check');
  expect(await garden.differences(tenant)).toMatchObject([{ kind: 'type', object: 'short', repair: null }]);
});

it('marks as destructive every repair that throws something away, and no other', async () => {
  const tenant = await garden.signUp();
  await garden.tamper(
    tenant,
    'alter table maker add column extra int',
    'create table extra_table (id int)',
    'create index extra_index on maker (name)',
    'drop view cheap',
    'alter table maker alter column name type text',
    'alter table widget drop column size',
    'drop index widget_note_index',
    'revoke insert on maker from "' + tenant + '_garden"',
  );
  const destructive = Object.fromEntries(
    (await garden.differences(tenant)).map(({ object, destructive: marked }) => [object, marked]),
  );
  expect(destructive).toEqual({
    extra_index: true,
    'maker.extra': true,
    extra_table: true,
    'maker.name': true,
    cheap: false,
    'widget.size': false,
    widget_note_index: false,
    maker: false,
  });
});

it('says what the one kind of object is called in another tenant too, when many drifted alike', async () => {
  const tenants = [await garden.signUp(), await garden.signUp()];
  for (const tenant of tenants) await garden.tamper(tenant, 'drop view cheap');
  const { drifted } = await garden.drift({ tenants });
  expect(drifted.map(({ tenant }) => tenant)).toEqual(tenants.toSorted());
  for (const { schema, differences } of drifted)
    expect(differences[0]?.repair).toContain(`create view "${schema}".cheap as SELECT `);
});
