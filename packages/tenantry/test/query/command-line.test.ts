import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CliProject, openCliProject } from '../../../../test/support/cli-project.js';
import { madeLogin } from '../../../../test/support/logins.js';
import type { Report } from '../../src/query/report.js';
import { type FleetShop, openFleet } from '../fleet/support/fleet-shop.js';

let shop: FleetShop;
let project: CliProject;
beforeAll(async () => {
  shop = await openFleet(6);
  project = await openCliProject(shop.database.url);
  await project.ship({});
  await shop.sql(
    `insert into t001_shop.item values (2, 'with "quotes", and a comma'), (3, ''), (4, null), (5, e'two\\nlines')`,
  );
});
afterAll(async () => {
  await project.close();
  await shop.close();
});

const query = (...args: string[]) => project.run('query', ...args);
const few = ['--tenant', 't000', 't001'];

it('prints a table by default, and exit code 0', async () => {
  const { code, stdout, stderr } = await query('select id, name from item order by id', '--tenant', 't000', 't002');
  expect(stdout.split('\n').map((line) => line.trimEnd())).toEqual([
    '┌────────┬────┬───────┐',
    '│ tenant │ id │ name  │',
    '├────────┼────┼───────┤',
    '│ t000   │ 1  │ first │',
    '│ t002   │ 1  │ first │',
    '└────────┴────┴───────┘',
    '',
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

it('prints CSV as RFC 4180 has it: NULL is nothing, an empty text is ""', async () => {
  const { stdout, code } = await query('select id, name from item order by id', ...few, '--format', 'csv');
  expect(stdout).toBe(
    'tenant,id,name\r\nt000,1,first\r\nt001,1,first\r\nt001,2,"with ""quotes"", and a comma"\r\nt001,3,""\r\nt001,4,\r\nt001,5,"two\nlines"\r\n',
  );
  expect(code).toBe(0);
});

it('prints one JSON object a line, and rounds nothing in it', async () => {
  const { stdout } = await query(
    `select id, 0.10::numeric as n, 'NaN'::float8 as f, '{"n":\n12345678901234567890}'::json as j, id > 0 as yes from item`,
    '--tenant',
    't000',
    '--format',
    'json',
  );
  expect(stdout).toBe('{"tenant":"t000","id":1,"n":"0.10","f":"NaN","j":{"n": 12345678901234567890},"yes":true}\n');
});

it('prints the answer of an aggregate alone', async () => {
  const aggregate = [
    '--aggregate',
    'select count(*)::int as items, count(distinct tenant)::int as tenants from merged',
  ];
  const { stdout } = await query('select id from item', ...aggregate, '--format', 'csv');
  expect(stdout).toBe('items,tenants\r\n10,6\r\n');
});

it('prints one document with --json', async () => {
  const { stdout } = await query(
    'select id from item',
    ...few,
    '--aggregate',
    'select max(id) as max from merged',
    '--json',
  );
  const report = JSON.parse(stdout) as Report;
  expect(report).toMatchObject({ answered: 2, failures: [], complete: true, aggregate: { rows: [{ max: 5 }] } });
  expect(report.rows).toHaveLength(6);
  expect(report.columns[1]).toEqual({ name: 'id', type: 'integer' });
});

it('ends with 1 when a tenant failed, names it, and still prints the others', async () => {
  await shop.sql('alter table t003_shop.item rename to items');
  const { code, stdout, stderr } = await query('select count(*)::int as n from item', '--format', 'csv');
  await shop.sql('alter table t003_shop.items rename to item');
  expect(code).toBe(1);
  expect(stdout.split('\r\n')).toHaveLength(7);
  expect(stderr).toBe('tenant t003 failed, 42P01: relation "item" does not exist\n5 tenants answered, 1 failed\n');
});

it('ends with 1 and says so when rows were cut', async () => {
  const cut = await query('select id from item', '--limit', '3', '--format', 'csv', '--connections', '1');
  expect(cut).toMatchObject({
    code: 1,
    stderr: '--limit was reached at tenant t001; rows from there on are missing\n',
  });
  const each = await query('select id from item', '--limit-per-tenant', '2');
  expect(each.code).toBe(1);
  expect(each.stderr).toContain('1 tenants have more rows than --limit-per-tenant');
});

it('needs only the URL of the login that serves', async () => {
  const serving = await openCliProject((await madeLogin(shop.database)).url);
  await serving.ship({});
  const { code, stdout } = await serving.run(
    'query',
    'select current_user::text as role',
    '--tenant',
    't000',
    '--format',
    'csv',
  );
  await serving.close();
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'tenant,role\r\nt000,t000_shop\r\n' });
});

it('registers nothing and changes nothing', async () => {
  const services = () => shop.sql('select * from tenantry.service');
  const before = await services();
  await project.ship({ '000009-newer': ['create table newer (a int)'] });
  expect((await query('select 1 as one')).code).toBe(0);
  expect(await services()).toEqual(before);
});

describe('answers with exit code 2 and one sentence, and nothing on stdout:', () => {
  it.each([
    ['no select', [], /missing required argument/],
    ['broken SQL', ['select id fro item'], /wrong at line 1, column 15: syntax error/],
    ['SQL that writes', ['delete from item returning id'], /statement of this report is wrong/],
    ['a broken aggregate', ['select id from item', '--aggregate', 'select x from merged'], /column "x" does not exist/],
    ['an unknown format', ['select 1 as a', '--format', 'xml'], /Allowed choices are table, json, csv/],
    ['--json with CSV', ['select 1 as a', '--format', 'csv', '--json'], /--json prints one JSON document/],
    ['a limit that is none', ['select 1 as a', '--limit', '1e3'], /--limit 1e3 is not a whole number/],
    ['a timeout that is none', ['select 1 as a', '--timeout', '-1'], /--timeout -1 is not a whole number|argument/],
    ['an unknown tenant', ['select 1 as a', '--tenant', 'nobody'], /the catalog has no "nobody"/],
    ['an id that cannot exist', ['select 1 as a', '--tenant', "x'; drop"], /named a tenant by an id that cannot exist/],
    ['a selector that is none', ['select 1 as a', '--where', 'tier'], /"tier" is not of the form key=value/],
    [
      'an unknown service',
      ['select 1 as a', '--service', 'nowhere'],
      /no service "nowhere" is registered; the catalog has shop/,
    ],
  ])('%s', async (_, args, sentence) => {
    const { code, stdout, stderr } = await query(...args);
    expect(stderr).toMatch(sentence);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });
});

it('ends quietly when whoever reads its rows has seen enough', async () => {
  const env = { ...process.env, DATABASE_URL: shop.database.url };
  const sql = "select n, repeat('x', 500) as x from generate_series(1, 5000) n";
  const child = spawn(process.execPath, [project.bin, 'query', sql, '--format', 'csv'], { cwd: project.folder, env });
  let errors = '';
  child.stderr.on('data', (part: Buffer) => (errors += part.toString()));
  await once(child.stdout, 'data');
  child.stdout.destroy();
  await once(child, 'exit');
  expect(errors).not.toContain('EPIPE');
});
