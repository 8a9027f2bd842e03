import { afterAll, beforeAll, expect, it } from 'vitest';
import { freshIds } from '../../../../test/support/actual-state.js';
import { type CliProject, openCliProject } from '../../../../test/support/cli-project.js';
import { describeOnTerminal, openTerminal } from '../../../../test/support/terminal.js';
import { until } from '../../../../test/support/until.js';
import { type FleetShop, openFleet } from '../fleet/support/fleet-shop.js';

// Roles belong to the whole server, and here they are renamed, dropped and taken from logins.
const [t0 = '', t1 = '', t2 = '', t3 = '', t4 = '', t5 = ''] = freshIds(6);
/** Comes first in a list. */
const acme = `acme-${t0}`;

let shop: FleetShop;
let project: CliProject;
beforeAll(async () => {
  shop = await openFleet([t0, t1, t2, t3, t4, t5]);
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
  expect(await tenant('create', acme, '--name', 'Acme, Inc.')).toEqual({
    code: 0,
    stdout: `${acme}: created\n`,
    stderr: '',
  });
  const list = await tenant('list', '--status', 'active', '--limit', '2', '--json');
  expect(JSON.parse(list.stdout)).toMatchObject([
    { id: acme, name: 'Acme, Inc.', status: 'active', eraseAfter: null },
    { id: t0 },
  ]);
  expect((await tenant('list')).stdout).toMatch(new RegExp(`│ ${acme} +│ Acme, Inc. +│ active +│`));
  const shown = JSON.parse((await tenant('show', t0, '--json')).stdout) as unknown;
  expect(shown).toMatchObject({
    id: t0,
    schemas: [{ service: 'shop', schema: `${t0}_shop`, head: '000001-item', held: false }],
    operations: [],
    events: [{ type: 'tenant.created' }],
  });
  expect((await tenant('show', t0)).stdout).toContain(`${t0}_shop`);
});

it('suspends, resumes, archives, restores and renames, and says so', async () => {
  expect(await tenant('suspend', t1)).toMatchObject({ code: 0, stdout: `${t1}: suspended\n` });
  expect(await tenant('resume', t1)).toMatchObject({ code: 0, stdout: `${t1}: active\n` });
  expect(await tenant('archive', t1)).toEqual({
    code: 0,
    stdout: `${t1}: archived\n`,
    stderr: 'stop-serving: done\nclose: done\n',
  });
  const restored = await tenant('restore', t1, '--json');
  expect(restored).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(restored.stdout)).toMatchObject({
    id: t1,
    status: 'active',
    operations: [{ kind: 'restore' }, { kind: 'archive' }],
  });
  expect(await tenant('rename', t1, '--name', 'One')).toMatchObject({ code: 0, stdout: `${t1}: renamed\n` });
  expect(await tenant('rename', t1, '--to', `${t1}-new`)).toMatchObject({
    code: 0,
    stdout: `${t1}-new: renamed, it was ${t1}\n`,
  });
  expect(await tenant('show', t1)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`error: No tenant "${t1}"`) as string,
  });
});

it('erases only when the id was given twice', async () => {
  const without = await tenant('erase', t2, '--now');
  expect(without).toMatchObject({
    code: 2,
    stdout: '',
    stderr: `error: There is no terminal to ask on: confirm with --yes ${t2}. Nothing was changed.\n`,
  });
  const wrong = await tenant('erase', t2, '--now', '--yes', t3);
  expect(wrong).toMatchObject({
    code: 2,
    stderr: `error: The two ids differ: "${t3}" is not "${t2}". Nothing was changed.\n`,
  });
  expect(await statusOf(t2)).toBe('active');
  const erased = await tenant('erase', t2, '--now', '--yes', t2);
  expect(erased).toMatchObject({ code: 0, stdout: `${t2}: erased\n` });
  expect(await statusOf(t2)).toBeUndefined();
});

describeOnTerminal('at a terminal', () => {
  it('asks, and takes only the same id for an answer', async () => {
    const ask = async (id: string, typed: string) => {
      const command = [process.execPath, project.bin, 'tenant', 'erase', id, '--now'];
      const terminal = openTerminal(command, { cwd: project.folder, env: project.env });
      await until('it asks', () => terminal.shown.includes('Type its id once more: '));
      terminal.type(typed);
      const code = await terminal.ended;
      return { code, shown: terminal.shown };
    };
    expect(await ask(t3, t4)).toMatchObject({
      code: 2,
      shown: expect.stringContaining(`"${t4}" is not "${t3}"`) as string,
    });
    expect(await statusOf(t3)).toBe('active');
    expect(await ask(t3, t3)).toMatchObject({ code: 0, shown: expect.stringContaining(`${t3}: erased`) as string });
    expect(await statusOf(t3)).toBeUndefined();
  });
});

it('honours the grace period, and erases what is due', async () => {
  const scheduled = await tenant('erase', t4, '--grace', '0', '--yes', t4, '--json');
  expect(JSON.parse(scheduled.stdout)).toMatchObject({
    outcome: 'scheduled',
    tenant: { id: t4, status: 'deleted' },
  });
  expect(await tenant('erase', t5, '--yes', t5)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(`tenantry tenant restore ${t5} undoes it`) as string,
  });
  expect(await tenant('erase', '--due')).toMatchObject({ code: 0, stdout: `${t4}: erased\n` });
  expect(await tenant('erase', '--due', '--json')).toMatchObject({ code: 0, stdout: '[]\n' });
  expect(await tenant('restore', t5)).toMatchObject({ code: 0, stdout: `${t5}: active\n` });
});

it('ends with 1 and what went wrong, and goes on by the same command', async () => {
  await shop.sql(`create view public.report as select * from "${t0}_shop".item`);
  const refused = await tenant('erase', t0, '--now', '--yes', t0);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('view public.report needs') as string });
  await shop.sql('drop view public.report');
  await shop.sql(
    `create schema billing; create table billing.kept (tenant text); insert into billing.kept values ('${t0}')`,
  );
  await shop.sql("insert into tenantry.tenant_rows values ('billing', 0, 'billing', 'kept', 'tenant')");
  await shop.sql('create table billing.pointer (tenant text); alter table billing.kept add unique (tenant)');
  await shop.sql('alter table billing.pointer add foreign key (tenant) references billing.kept (tenant)');
  await shop.sql(`insert into billing.pointer values ('${t0}')`);
  const failed = await tenant('erase', t0, '--now', '--yes', t0);
  expect(failed.code).toBe(1);
  expect(failed.stderr).toContain('failed at the step "erase-shared-rows"');
  expect(failed.stderr).toContain('the same command goes on there');
  await shop.sql('delete from billing.pointer');
  const ended = await tenant('erase', t0, '--now', '--yes', t0);
  expect(ended).toMatchObject({ code: 0, stdout: `${t0}: erased\n` });
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
