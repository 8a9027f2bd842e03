import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CliProject, openCliProject } from '../../../../test/support/cli-project.js';
import { migrationOf } from '../../../../test/support/migration-of.js';
import { counted, expectOnce } from './support/counted-effects.js';
import { type FleetShop, first, openFleet } from './support/fleet-shop.js';

const tenants = 12;
const inTwoProcesses = 5;
const inOneProcess = 15;

let shop: FleetShop;
let project: CliProject;
const added: string[] = [];
beforeAll(async () => {
  shop = await openFleet(tenants);
  project = await openCliProject(shop.database.url);
});
afterAll(async () => {
  await project.close();
  await shop.close();
});

/** Each round ships two more. */
function shipTwoMore(): string {
  const next = added.length + 2;
  const names = [next, next + 1].map((position) => `${String(position).padStart(6, '0')}-more`);
  added.push(...names);
  return added.at(-1) ?? '';
}
const statements = () => ({
  '000001-item': ['create table item (id int primary key, name text)', "insert into item values (1, 'first')"],
  ...Object.fromEntries(added.map((name) => [name, counted(name)])),
});
const classes = () => ({ ...first, ...Object.fromEntries(added.map((name) => [name, migrationOf(...counted(name))])) });

it.each(Array.from({ length: inTwoProcesses }, (_, round) => round + 1))(
  'runs each migration once in each tenant when two deploys start together (%i)',
  async () => {
    const head = shipTwoMore();
    await project.ship(statements());
    const answers = await Promise.all([project.run('migrate'), project.run('migrate')]);
    expect(answers.map(({ code }) => code)).toEqual([0, 0]);
    const reports = answers.map(({ stdout, stderr }) => stdout + stderr);
    expect(reports.filter((report) => report.includes(`done: ${tenants} of ${tenants} tenants`))).toHaveLength(1);
    expect(reports.join('')).not.toMatch(/failed, |error: |\n\s+at /);
    expect(await shop.heads()).toEqual({ [head]: tenants });
    await expectOnce(shop, added);
  },
);

it.each(Array.from({ length: inOneProcess }, (_, round) => round + 1))(
  'does so too where services migrate as they start (%i)',
  async () => {
    const head = shipTwoMore();
    const started = await Promise.all([shop.start(classes()), shop.start(classes())]);
    const outcomes = await Promise.all(started.map(({ fleet }) => fleet.migrate().outcome));
    expect(outcomes.map(({ status, failed }) => ({ status, failed }))).toEqual([
      { status: 'done', failed: 0 },
      { status: 'done', failed: 0 },
    ]);
    expect(outcomes.map(({ done }) => done).toSorted((a, b) => a - b)).toEqual([0, tenants]);
    await Promise.all(started.map((tenancy) => tenancy.stop()));
    expect(await shop.heads()).toEqual({ [head]: tenants });
    await expectOnce(shop, added);
  },
);

it('leaves one rollout for each round and none that never began', async () => {
  const rollouts = await shop.sql<{ status: string }>('select status from tenantry.rollout');
  expect(rollouts.map(({ status }) => status)).toEqual(
    Array.from({ length: inTwoProcesses + inOneProcess }, () => 'done'),
  );
});

it('without the wall: a migration that runs a second time is seen', async () => {
  const [name = ''] = added;
  const [, insert = ''] = counted(name);
  await shop.sql(insert.replaceAll('item', 't003_shop.item'));
  await expect(expectOnce(shop, added)).rejects.toThrow(/t003/);
});
