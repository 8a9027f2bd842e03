import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CliProject, openCliProject } from '../../../../test/support/cli-project.js';
import { type FleetShop, openFleet } from '../fleet/support/fleet-shop.js';

let shop: FleetShop;
let project: CliProject;
beforeAll(async () => {
  shop = await openFleet(6);
  project = await openCliProject(shop.database.url);
  await project.ship({});
});
afterAll(async () => {
  await project.close();
  await shop.close();
});

const tenant = (...args: string[]) => project.run('tenant', ...args);
const statusOf = async (id: string) =>
  (await shop.sql<{ status: string }>('select status from tenantry.tenant where id = $1', [id]))[0]?.status;

it('makes, lists and shows tenants, as a table or as JSON', async () => {
  expect(await tenant('create', 'acme', '--name', 'Acme, Inc.')).toEqual({
    code: 0,
    stdout: 'acme: created\n',
    stderr: '',
  });
  const list = await tenant('list', '--status', 'active', '--limit', '2', '--json');
  expect(JSON.parse(list.stdout)).toMatchObject([
    { id: 'acme', name: 'Acme, Inc.', status: 'active', eraseAfter: null },
    { id: 't000' },
  ]);
  expect((await tenant('list')).stdout).toMatch(/│ acme +│ Acme, Inc. +│ active +│/);
  const shown = JSON.parse((await tenant('show', 't000', '--json')).stdout) as unknown;
  expect(shown).toMatchObject({
    id: 't000',
    schemas: [{ service: 'shop', schema: 't000_shop', head: '000001-item', held: false }],
    operations: [],
    events: [{ type: 'tenant.created' }],
  });
  expect((await tenant('show', 't000')).stdout).toContain('t000_shop');
});

it('suspends, resumes, archives, restores and renames, and says so', async () => {
  expect(await tenant('suspend', 't001')).toMatchObject({ code: 0, stdout: 't001: suspended\n' });
  expect(await tenant('resume', 't001')).toMatchObject({ code: 0, stdout: 't001: active\n' });
  expect(await tenant('archive', 't001')).toEqual({
    code: 0,
    stdout: 't001: archived\n',
    stderr: 'stop-serving: done\nclose: done\n',
  });
  const restored = await tenant('restore', 't001', '--json');
  expect(restored).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(restored.stdout)).toMatchObject({
    id: 't001',
    status: 'active',
    operations: [{ kind: 'restore' }, { kind: 'archive' }],
  });
  expect(await tenant('rename', 't001', '--name', 'One')).toMatchObject({ code: 0, stdout: 't001: renamed\n' });
  expect(await tenant('rename', 't001', '--to', 'one')).toMatchObject({
    code: 0,
    stdout: 'one: renamed, it was t001\n',
  });
  expect(await tenant('show', 't001')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^error: No tenant "t001"/) as string,
  });
});

it('erases only when the id was given twice', async () => {
  const without = await tenant('erase', 't002', '--now');
  expect(without).toMatchObject({
    code: 2,
    stdout: '',
    stderr: 'error: Nobody can be asked here: confirm with --yes t002. Nothing was changed.\n',
  });
  const wrong = await tenant('erase', 't002', '--now', '--yes', 't003');
  expect(wrong).toMatchObject({
    code: 2,
    stderr: 'error: The id was to be typed twice: "t003" is not "t002". Nothing was changed.\n',
  });
  expect(await statusOf('t002')).toBe('active');
  const erased = await tenant('erase', 't002', '--now', '--yes', 't002');
  expect(erased).toMatchObject({ code: 0, stdout: 't002: erased\n' });
  expect(await statusOf('t002')).toBeUndefined();
});

it('asks at a terminal, and takes only the same id for an answer', async () => {
  const ask = async (id: string, typed: string) => {
    const command = `${process.execPath} ${project.bin} tenant erase ${id} --now`;
    // The one way to a terminal without another dependency.
    const { stdout } = await promisify(execFile)(
      'sh',
      ['-c', `(sleep 2; echo ${typed}) | script -qec '${command}' /dev/null; echo`],
      { cwd: project.folder, env: { ...process.env, DATABASE_URL: shop.database.url } },
    );
    return stdout;
  };
  expect(await ask('t003', 't004')).toContain('"t004" is not "t003"');
  expect(await statusOf('t003')).toBe('active');
  expect(await ask('t003', 't003')).toContain('t003: erased');
  expect(await statusOf('t003')).toBeUndefined();
});

it('honours the grace period, and erases what is due', async () => {
  const scheduled = await tenant('erase', 't004', '--grace', '0', '--yes', 't004', '--json');
  expect(JSON.parse(scheduled.stdout)).toMatchObject({
    outcome: 'scheduled',
    tenant: { id: 't004', status: 'deleted' },
  });
  expect(await tenant('erase', 't005', '--yes', 't005')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('tenantry tenant restore t005 undoes it') as string,
  });
  expect(await tenant('erase', '--due')).toMatchObject({ code: 0, stdout: 't004: erased\n' });
  expect(await tenant('erase', '--due', '--json')).toMatchObject({ code: 0, stdout: '[]\n' });
  expect(await tenant('restore', 't005')).toMatchObject({ code: 0, stdout: 't005: active\n' });
});

it('ends with 1 and what went wrong, and goes on by the same command', async () => {
  await shop.sql('create view public.report as select * from t000_shop.item');
  const refused = await tenant('erase', 't000', '--now', '--yes', 't000');
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('view public.report needs') as string });
  await shop.sql('drop view public.report');
  await shop.sql(
    'create schema billing; create table billing.kept (tenant text); insert into billing.kept values ($$t000$$)',
  );
  await shop.sql("insert into tenantry.tenant_rows values ('billing', 0, 'billing', 'kept', 'tenant')");
  await shop.sql('create table billing.pointer (tenant text); alter table billing.kept add unique (tenant)');
  await shop.sql('alter table billing.pointer add foreign key (tenant) references billing.kept (tenant)');
  await shop.sql("insert into billing.pointer values ('t000')");
  const failed = await tenant('erase', 't000', '--now', '--yes', 't000');
  expect(failed.code).toBe(1);
  expect(failed.stderr).toContain('failed at the step "erase-shared-rows"');
  expect(failed.stderr).toContain('the same command goes on there');
  await shop.sql('delete from billing.pointer');
  const ended = await tenant('erase', 't000', '--now', '--yes', 't000');
  expect(ended).toMatchObject({ code: 0, stdout: 't000: erased\n' });
  expect(ended.stderr).toMatch(
    /^going on with operation \d+ \(erase\); complete so far: stop-serving, close, drop-tables, drop-schemas\n/,
  );
});

it.each([
  ['an id that cannot exist', ['show', 'No Body'], 'tenant id'],
  ['an unknown status', ['list', '--status', 'asleep'], 'Allowed choices'],
  ['a limit that is none', ['list', '--limit', 'many'], '--limit many is not a number'],
  ['a rename of nothing', ['rename', 'acme'], 'Say what changes'],
  ['an id that differs in case only', ['rename', 'acme', '--to', 'ACME'], 'tenant id'],
  ['an empty name', ['rename', 'acme', '--name', ''], 'tenant name'],
  ['no id to erase', ['erase'], 'Give the id'],
  ['grace and none', ['erase', 'acme', '--now', '--grace', '3', '--yes', 'acme'], 'Give --grace or --now'],
  ['a grace that is none', ['erase', 'acme', '--grace', 'long', '--yes', 'acme'], '--grace long is not a number'],
  ['no command', ['frobnicate', 'acme'], 'unknown command'],
])('answers %s with exit code 2, and changes nothing', async (_, args, sentence) => {
  const before = await shop.sql('select * from tenantry.tenant order by id');
  const { code, stderr } = await tenant(...args);
  expect(stderr).toContain(sentence);
  expect(stderr).not.toMatch(/\n +at /);
  expect(code).toBe(2);
  expect(await shop.sql('select * from tenantry.tenant order by id')).toEqual(before);
});
