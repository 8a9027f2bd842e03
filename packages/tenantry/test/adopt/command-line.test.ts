import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CliProject, openCliProject } from '../../../../test/support/cli-project.js';
import { type Market, marketConfig, marketMigrations, openMarket } from './support/market.js';

let market: Market;
let project: CliProject;
beforeAll(async () => {
  market = await openMarket(3);
  project = await openCliProject(market.database.url);
  await project.ship(marketMigrations, { adopt: marketConfig });
});
afterAll(async () => {
  await project.close();
  await market.close();
});

const adopt = (...args: string[]) => project.run('adopt', ...args);
const documents = (stdout: string) =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

it('goes from the plan to the end, and says at each step how to go on', { timeout: 180_000 }, async () => {
  const plan = await adopt('plan');
  expect(plan).toMatchObject({ code: 0, stderr: '' });
  expect(plan.stdout).toContain('shop: 3 tenants found');
  expect(plan.stdout).toContain('there are no problems; begin with: tenantry adopt run');
  expect(JSON.parse((await adopt('plan', '--json')).stdout)).toMatchObject({ ok: true, service: 'shop' });
  expect((await adopt('verify')).code).toBe(2);
  const run = await adopt('run');
  expect(run.code).toBe(0);
  expect(run.stdout).toMatch(/^copied: 3 of 3 tenants in \d+\.\d s, 0 failed, 0 changes wait\n/);
  expect(await adopt('verify')).toEqual({
    code: 0,
    stdout:
      '3 tenants, 78 rows compared; 0 changes are not carried over yet and were left out; 0 rows without a tenant stay where they are\nboth sides are the same\n',
    stderr: '',
  });
  await market.secretly("delete from c2_shop.setting where key = 'x'");
  const differs = await adopt('verify');
  expect(differs.code).toBe(1);
  expect(differs.stdout).toContain(
    'tenant c2, setting: 2 rows in the shared table, 1 in the tenant schema\n  x is missing\n',
  );
  await market.secretly(`insert into c2_shop.setting values ('x', '{"a": 2}', '\\x00ff')`);
  const events = documents((await adopt('cutover', '--json')).stdout);
  expect(events.at(-1)).toMatchObject({ type: 'cutover', lockedMs: expect.any(Number) as number, attempts: 1 });
  expect((await adopt('rollback')).stdout).toMatch(/^rolled back: writers waited \d+ ms/);
  expect((await adopt('cutover')).stdout).toMatch(
    /^cut over: writers waited \d+ ms, \d+ ms of it for the last changes/,
  );
  const finished = await adopt('finish');
  expect(finished.code).toBe(0);
  expect((await adopt('rollback')).code).toBe(2);
});

it.each([
  ['an unknown step', ['adopt', 'begin'], 'unknown command'],
  ['no connections', ['adopt', 'run', '--connections', '0'], '--connections 0 is not a number'],
  ['a lock that is no number', ['adopt', 'cutover', '--lock-max', 'long'], '--lock-max long is not a number'],
])('answers %s with exit code 2', async (_, args, sentence) => {
  const { code, stderr } = await project.run(...args);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(sentence) as string });
});

it('answers a config without the section, and one that is wrong, with exit code 2', async () => {
  await project.ship(marketMigrations);
  expect(await adopt('plan')).toMatchObject({ code: 2, stderr: 'error: The config has no section `adopt`.\n' });
  await project.ship(marketMigrations, { adopt: { ...marketConfig, tables: [] } });
  expect((await adopt('plan')).code).toBe(2);
});

it('plans with exit code 1 and runs with 2 when something stands against it', async () => {
  await project.ship(marketMigrations, { adopt: { ...marketConfig, tenants: { table: 'client', id: 'title' } } });
  const plan = await adopt('plan');
  expect(plan.code).toBe(1);
  expect(plan.stdout).toContain('problem unfit-tenants: 3 rows cannot become tenants');
  expect(await adopt('run')).toMatchObject({ code: 2 });
});
