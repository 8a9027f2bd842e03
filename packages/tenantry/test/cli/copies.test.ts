import { execFile } from 'node:child_process';
import { readdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freshIds } from '../../../../test/support/actual-state.js';
import { type CliProject, openCliProject } from '../../../../test/support/cli-project.js';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';

const exec = promisify(execFile);
const [acme = '', globex = '', third = '', fourth = ''] = freshIds(4);
const item = ['create table item (id int generated always as identity primary key, name text not null)'];

let database: TestDatabase;
let project: CliProject;
beforeAll(async () => {
  database = await createTestDatabase();
  project = await openCliProject(database.url);
  await project.ship({ '000001-item': item });
  await project.run('migrate');
  await database.admin.query("insert into tenantry.tenant (id, name) values ($1, 'Acme')", [acme]);
  await project.run('migrate');
  await database.admin.query(
    `insert into "${acme}_shop".item (name) select 'item ' || i from generate_series(1, 500) i`,
  );
});
afterAll(async () => {
  await project.close();
  await database.drop();
});

const inFolder = (name: string) => path.join(project.folder, name);

it('exports, and imports under another id', async () => {
  const exported = await project.run('export', acme, '-o', 'acme.tenant');
  expect(exported).toMatchObject({
    code: 0,
    stdout: '',
    stderr: expect.stringContaining('500 rows of 1 tables (shop)'),
  });
  expect((await stat(inFolder('acme.tenant'))).mode & 0o777).toBe(0o600);
  const imported = await project.run('import', 'acme.tenant', '--as', globex, '--name', 'Globex', '--json');
  expect(imported).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(imported.stdout)).toEqual({ tenant: globex, services: ['shop'], tables: 1, rows: 500, behind: [] });
});

it('never writes over a file without --force', async () => {
  await writeFile(inFolder('mine'), 'my own');
  expect(await project.run('export', acme, '-o', 'mine')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--force'),
  });
  expect(await project.run('export', acme, '-o', 'mine', '--force', '--json')).toMatchObject({ code: 0 });
  expect((await readdir(project.folder)).filter((name) => name.endsWith('.partial'))).toEqual([]);
});

it('streams through pipes', async () => {
  const cli = `${process.execPath} ${project.bin}`;
  const { stdout } = await exec('sh', ['-c', `${cli} export ${acme} | ${cli} import - --as ${third}`], {
    cwd: project.folder,
    env: { ...process.env, DATABASE_URL: database.url },
  });
  expect(stdout).toContain(`Imported ${third}: 500 rows`);
});

it('clones', async () => {
  expect(await project.run('clone', acme, fourth)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('500 rows'),
  });
  expect(await project.run('clone', acme, fourth)).toMatchObject({ code: 1, stderr: expect.stringContaining(fourth) });
});

it('says in one sentence what is wrong, and changes nothing', async () => {
  await writeFile(inFolder('text'), 'select 1;');
  const refused = async (...args: string[]) => {
    const { code, stdout, stderr } = await project.run(...args);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^error: .*\.\n$/s);
    return code;
  };
  expect(await refused('import', 'text', '--as', 'x1')).toBe(2);
  expect(await refused('import', 'missing', '--as', 'x1')).toBe(2);
  expect(await refused('import', 'acme.tenant', '--as', 'Not An Id')).toBe(2);
  expect(await refused('import', 'acme.tenant')).toBe(1);
  expect(await refused('export', 'nobody', '-o', 'none')).toBe(1);
  expect(await refused('export', acme, '--json')).toBe(2);
  expect(await refused('clone', acme, 'UPPER')).toBe(2);
  const { rows } = await database.admin.query('select count(*)::int as n from tenantry.tenant');
  expect(rows).toEqual([{ n: 4 }]);
});

it('ends with 1 when the copy cannot be taken to head, and says how to go on', async () => {
  await database.admin.query(`update "${acme}_shop".item set name = 'same' where id < 3`);
  await project.run('export', acme, '-o', 'twice');
  await project.ship({ '000001-item': item, '000002-unique': ['alter table item add unique (name)'] });
  const imported = await project.run('import', 'twice', '--as', 'behind-1');
  expect(imported).toMatchObject({ code: 1, stderr: expect.stringContaining('tenantry migrate --tenant behind-1') });
});
