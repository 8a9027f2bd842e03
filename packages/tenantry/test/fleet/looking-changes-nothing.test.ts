import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type CliProject, openCliProject } from '../../../../test/support/cli-project.js';
import { contentsOf } from '../../../../test/support/expect-problem.js';
import { type FleetShop, openFleet } from './support/fleet-shop.js';

const first = {
  '000001-item': ['create table item (id int primary key, name text)', "insert into item values (1, 'first')"],
};
const second = { ...first, '000002-price': ['alter table item add column price int'] };

let shop: FleetShop;
let project: CliProject;
beforeEach(async () => {
  shop = await openFleet(4);
  project = await openCliProject(shop.database.url);
  await project.ship(second);
});
afterEach(async () => {
  await project.close();
  await shop.close();
});

const files = async () => {
  const names = (await readdir(project.folder, { recursive: true })).toSorted();
  return Promise.all(names.map(async (name) => [name, await readFile(path.join(project.folder, name), 'utf8')]));
};

it.each([
  ['the plan of a rollout', ['migrate', '--dry-run'], 0],
  ['the plan for a tenant that nobody knows', ['migrate', '--dry-run', '--tenant', 'nobody'], 1],
  ['the plan for a tenant that was deleted', ['migrate', '--dry-run', '--tenant', 'gone'], 1],
  ['the list of rollouts', ['rollout', 'list'], 0],
  ['a look for drift', ['drift'], 0],
  ['a look for drift at a tenant that nobody knows', ['drift', '--tenant', 'nobody'], 2],
])('makes no schema, no row and no file: %s', async (_, args, code) => {
  await shop.sql("insert into tenantry.tenant (id, name, status) values ('gone', 'gone', 'deleted')");
  const before = [await contentsOf(shop.database.admin), await files()];
  const answer = await project.run(...args);
  expect(answer.stderr).not.toMatch(/\n +at /);
  expect(await contentsOf(shop.database.admin)).toEqual(before[0]);
  expect(await files()).toEqual(before[1]);
  expect(answer.code, answer.stderr).toBe(code);
});

it('leaves the files of a project alone also when it migrates: no snapshot is written', async () => {
  const before = await files();
  expect((await project.run('migrate')).code).toBe(0);
  expect(await files()).toEqual(before);
});
