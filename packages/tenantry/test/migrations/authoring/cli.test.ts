import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Ended, makeProject, type Project, runHere } from './support/project.js';

let project: Project;
beforeEach(async () => {
  project = await makeProject();
  await project.entities(entities());
});
afterEach(() => project.remove());

const entities = (extra = '') => `
const Country = defineEntity({ name: 'Country', tableName: 'country', schema: 'shared', properties: { code: p.string().length(2).primary() } });
const Item = defineEntity({ name: 'Item', tableName: 'item', schema: '*', properties: {
  id: p.uuid().primary(), name: p.string().length(50), origin: () => p.manyToOne(Country), ${extra}
} });
export const entities = [Item, Country];
`;
const sku = 'sku: p.string().nullable(),';
const json = ({ stdout }: Ended): unknown => JSON.parse(stdout);

it('writes one migration, lists it, and loads it again to write only the change', async () => {
  expect(await project.run('migration', 'create', '--service', 'shop')).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/^migrations\/000001-create-item\.ts\n {2}create table "item"/) as string,
  });
  await project.entities(entities(sku));
  expect(await project.run('migration', 'create', '--service', 'shop', '--name', 'sku')).toMatchObject({
    exitCode: 0,
    stdout: 'migrations/000002-sku.ts\n  alter table "item" add "sku" varchar(255) null\n',
    stderr: '',
  });
  const before = await project.files();
  expect(await project.run('migration', 'create', '--service', 'shop')).toEqual({
    exitCode: 0,
    stdout: 'Nothing changed: the entities of shop (tenant) are as its migrations left them.\n',
    stderr: '',
  });
  expect(await project.files()).toEqual(before);
  expect(await project.run('migration', 'check', '--service', 'shop')).toMatchObject({ exitCode: 1 });
  expect(await project.run('migration', 'create', '--service', 'shop', '--shared')).toMatchObject({ exitCode: 0 });
  expect(await project.run('migration', 'check', '--service', 'shop')).toEqual({
    exitCode: 0,
    stdout: 'shop (tenant): ok\nshop (shared): ok\n',
    stderr: '',
  });
});

it('keeps shared and tenant migrations apart', async () => {
  await project.run('migration', 'create', '--service', 'shop');
  const tenant = await project.files();
  const created = json(await project.run('migration', 'create', '--service', 'shop', '--shared', '--json'));
  expect(created).toMatchObject({ part: 'shared', migration: { name: '000001-create-country' } });
  const all = await project.files();
  expect(all).toMatchObject(tenant);
  expect(Object.keys(all).filter((file) => !(file in tenant))).toEqual([
    'shared-migrations/.snapshot.json',
    'shared-migrations/000001-create-country.ts',
    'shared-migrations/index.ts',
  ]);
  expect(all['migrations/000001-create-item.ts']).toContain('references "shared"."country"');
});

it('fails in CI when the entities are ahead, and says what create would write', async () => {
  await project.run('migration', 'create', '--service', 'shop');
  await project.run('migration', 'create', '--service', 'shop', '--shared');
  await project.entities(entities(sku));
  const before = await project.files();
  const checked = await project.run('migration', 'check', '--service', 'shop');
  expect(checked.exitCode).toBe(1);
  expect(checked.stdout).toContain('alter table "item" add "sku" varchar(255) null');
  const asJson = await project.run('migration', 'check', '--service', 'shop', '--json');
  expect(asJson.exitCode).toBe(1);
  expect(json(asJson)).toMatchObject({
    ok: false,
    reports: [
      { part: 'tenant', ok: false, statements: ['alter table "item" add "sku" varchar(255) null'] },
      { part: 'shared', ok: true, statements: [] },
    ],
  });
  expect(await project.files()).toEqual(before);
});

it('fails when a migration is not listed, is gone, or shares its number', async () => {
  await project.run('migration', 'create', '--service', 'shop');
  await project.run('migration', 'create', '--service', 'shop', '--shared');
  const source = await project.read('migrations/000001-create-item.ts');
  const problems = async () => {
    const checked = await project.run('migration', 'check', '--service', 'shop', '--json');
    expect(checked.exitCode).toBe(1);
    return (json(checked) as { reports: { problems: string[] }[] }).reports[0]?.problems.join('\n');
  };
  await project.write('migrations/000001-other.ts', source);
  expect(await problems()).toMatch(/same number[\s\S]*000001-other\.ts is in the folder but not in index\.ts/);
  const index = await project.read('migrations/index.ts');
  await project.write('migrations/index.ts', index.replace("'000001-create-item'", "'000001-gone'"));
  expect(await problems()).toMatch(/000001-gone is in index\.ts but not in the folder/);
});

it('writes what the lint refuses, so that a reason can be given, and fails until there is one', async () => {
  await project.run('migration', 'create', '--service', 'shop');
  await project.run('migration', 'create', '--service', 'shop', '--shared');
  await project.entities(entities('count: p.integer(),'));
  const created = await project.run('migration', 'create', '--service', 'shop');
  expect(created).toMatchObject({
    exitCode: 1,
    stderr: expect.stringMatching(/error not-null-without-default[\s\S]*tenantry-allow <rule>: <reason>/) as string,
  });
  expect(await project.run('migration', 'check', '--service', 'shop')).toMatchObject({
    exitCode: 1,
    stdout: expect.stringContaining('error not-null-without-default: 000002-add-count-to-item') as string,
  });
  const file = 'migrations/000002-add-count-to-item.ts';
  const source = await project.read(file);
  await project.write(
    file,
    source.replace(
      /'(alter table "item" add .*)'/,
      '`-- tenantry-allow not-null-without-default: no tenant has an item yet\n$1`',
    ),
  );
  expect(await project.run('migration', 'check', '--service', 'shop')).toMatchObject({ exitCode: 0 });
});

it('says which migrations a green check does not speak of', async () => {
  await project.write(
    'tenantry.config.js',
    "export default { services: { shop: { entities: [], migrations: {}, migrationsDir: 'migrations' }, other: { migrations: {} } } };",
  );
  expect(await project.run('migration', 'check')).toMatchObject({
    exitCode: 0,
    stderr: 'not checked: services.other names no `migrationsDir`\n',
  });
});

it.each([
  ['an unknown service', ['create', '--service', 'nope'], /no service "nope".*shop/],
  ['no service', ['create'], /--service/],
  ['a name with a space', ['create', '--service', 'shop', '--name', 'Add sku'], /lower-case words/],
  ['a name that climbs out', ['create', '--service', 'shop', '--name', '../../x'], /lower-case words/],
  ['a folder that is not there', ['create', '--service', 'lost'], /no folder .*nowhere/],
  ['a service without a folder', ['create', '--service', 'bare'], /names no `migrationsDir`/],
  ['an unknown service to check', ['check', '--service', 'nope'], /no service "nope"/],
  ['an unknown option', ['check', '--all'], /unknown option/],
  ['a service of the object itself', ['create', '--service', 'constructor'], /no service "constructor"/],
])('refuses %s with exit code 2 and writes nothing', async (_, args, sentence) => {
  const before = await project.files();
  const ended = await project.run('migration', ...args);
  expect(ended).toMatchObject({ exitCode: 2, stdout: '', stderr: expect.stringMatching(sentence) as string });
  expect(await project.files()).toEqual(before);
});

it('is green for this repository’s own services', async () => {
  expect(await runHere('migration', 'check')).toMatchObject({ exitCode: 0, stderr: '' });
});
