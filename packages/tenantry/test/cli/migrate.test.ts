import { afterEach, beforeEach, expect, it } from 'vitest';
import { type CliProject, openCliProject } from '../../../../test/support/cli-project.js';
import { freshIds } from '../../../../test/support/actual-state.js';
import { first as fleetMigrations, type FleetShop, openFleet } from '../fleet/support/fleet-shop.js';

const first = {
  '000001-item': ['create table item (id int primary key, name text)', "insert into item values (1, 'first')"],
};
const second = { ...first, '000002-price': ['alter table item add column price int'] };

let shop: FleetShop;
let project: CliProject;
beforeEach(async () => {
  shop = await openFleet(12);
  project = await openCliProject(shop.database.url);
});
afterEach(async () => {
  await project.close();
  await shop.close();
});

it('prints the plan with --dry-run and changes nothing', async () => {
  await project.ship(second);
  const answer = await project.run('migrate', '--dry-run', '--canary', '2', '--wave', '50%');
  expect(answer).toEqual({
    code: 0,
    stdout:
      'shop: 12 tenants to 000002-price\n  12 at 000001-item: 000002-price\n  waves: canary (2), 50% (4), 100% (6)\n',
    stderr: '',
  });
  expect(await shop.heads()).toEqual({ '000001-item': 12 });
  expect(await shop.sql('select head from tenantry.service')).toEqual([{ head: '000001-item' }]);
});

it('takes the fleet to head with exit code 0, and says on the second run that there is nothing to do', async () => {
  await project.ship(second);
  const answer = await project.run('migrate');
  expect(answer.stderr).toMatch(/shop: rollout 1 done: 12 of 12 tenants in \d+\.\d s, 0 failed\n/);
  expect(answer.code).toBe(0);
  expect(await shop.heads()).toEqual({ '000002-price': 12 });
  expect(await project.run('migrate')).toEqual({
    code: 0,
    stdout: 'shop: nothing to do, every tenant is at 000002-price\n',
    stderr: '',
  });
});

it('ends with 1 when a tenant failed, names it, and lists it with rollout show', async () => {
  await shop.sql('alter table t004_shop.item add column price text');
  await project.ship(second);
  const answer = await project.run('migrate');
  expect(answer.code).toBe(1);
  expect(answer.stderr).toContain('shop: tenant t004 failed, TENANCY_MIGRATION_FAILED: ');
  expect(answer.stderr).toContain('run the same command again to try the failed tenants alone');
  const shown = await project.run('rollout', 'show', '1');
  expect(shown.stdout).toContain('11/12');
  expect(shown.stdout).toContain('tenant t004: TENANCY_MIGRATION_FAILED');
});

it('tells what PostgreSQL told: the key that is there twice, and the statement, on every way to it', async () => {
  await shop.sql("insert into t004_shop.item values (2, 'first')");
  const statement = 'create unique index item_name on item (name)';
  await project.ship({ ...first, '000002-unique': [statement] });
  const detail = 'Key (name)=(first) is duplicated.';
  const { stderr, code } = await project.run('migrate');
  expect(code).toBe(1);
  expect(stderr).toContain(`could not create unique index "item_name".\n  ${detail}\n  in: ${statement}\n`);
  const shown = await project.run('rollout', 'show', '1');
  expect(shown.stdout).toContain(`could not create unique index "item_name".\n  ${detail}\n  in: ${statement}\n`);
  const json = await project.run('rollout', 'show', '1', '--json');
  expect(JSON.parse(json.stdout)).toMatchObject({ failures: [{ tenant: 't004', detail, statement }] });
  const again = await project.run('migrate', '--json');
  const events = again.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string });
  expect(events.find(({ type }) => type === 'failure')).toMatchObject({ tenant: 't004', detail, statement });
});

it('ends with 3 when a canary failed, and says how to go on', async () => {
  for (const tenant of shop.tenants) await shop.sql(`alter table ${tenant}_shop.item add column price text`);
  await project.ship(second);
  const answer = await project.run('migrate', '--canary', '2');
  expect(answer.code).toBe(3);
  expect(answer.stderr).toContain('go on with: tenantry rollout resume 1; give it up with: tenantry rollout abort 1');
  for (const tenant of shop.tenants) await shop.sql(`alter table ${tenant}_shop.item drop column price`);
  expect((await project.run('rollout', 'resume', '1')).code).toBe(0);
  expect(await shop.heads()).toEqual({ '000002-price': 12 });
});

it('speaks JSON, one document a line, and nothing else on stdout', async () => {
  await project.ship(second);
  const { stdout, code } = await project.run('--json', 'migrate', '--tenant', 't001', 't002');
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; outcome?: { done: number } });
  expect(code).toBe(0);
  expect(events[0]).toMatchObject({ type: 'planned', service: 'shop', plan: { total: 2 } });
  expect(events.at(-1)).toMatchObject({ type: 'finished', outcome: { status: 'done', done: 2 } });
  const list = await project.run('rollout', 'list', '--json');
  expect(JSON.parse(list.stdout)).toMatchObject([{ id: 1, status: 'done', selector: { tenants: ['t001', 't002'] } }]);
});

it('refuses an index on a large table with exit code 2, with --dry-run too, and takes a reason', async () => {
  await shop.sql("insert into t004_shop.item select n, 'x' from generate_series(2, 100000) n");
  await shop.sql('analyze t004_shop.item');
  await project.ship({ ...first, '000002-index': ['create index item_name on item (name)'] });
  for (const args of [['migrate', '--dry-run'], ['migrate']]) {
    const { code, stdout, stderr } = await project.run(...args);
    expect(stdout).toContain('  error index-not-concurrent: 000002-index: the index "item_name" is built while writes');
    expect(stdout).toContain("(the largest is tenant t004's)");
    expect(stderr).toContain('error: The migration "000002-index" of "shop" is refused, and nothing was changed');
    expect(code).toBe(2);
  }
  const { stdout } = await project.run('--json', 'migrate', '--dry-run');
  expect(JSON.parse(stdout)).toMatchObject({
    plan: { total: 12, findings: [{ rule: 'index-not-concurrent', table: 'item', tenant: 't004' }] },
  });
  // It was not registered either: it can still be changed.
  expect(await shop.sql('select head from tenantry.service')).toEqual([{ head: '000001-item' }]);
  expect(await shop.heads()).toEqual({ '000001-item': 12 });
  expect((await project.run('migrate', '--allow', 'index-not-concurrent: nobody works at night')).code).toBe(0);
  expect(await shop.heads()).toEqual({ '000002-index': 12 });
});

it('does not say that all is well where PostgreSQL lost a tenant’s schema or role, and leads to drift', async () => {
  // Roles belong to the whole server, where the tests of other files have a t005 as well.
  const [bare = '', roleless = ''] = freshIds(2).toSorted();
  const tenancy = await shop.start(fleetMigrations);
  for (const id of [bare, roleless]) await tenancy.catalog.create({ id, name: id });
  await tenancy.reconcile();
  await shop.sql(`drop schema "${bare}_shop" cascade`);
  await shop.sql(`drop owned by "${roleless}_shop"; drop role "${roleless}_shop"`);
  await project.ship(first);
  const answer = await project.run('migrate');
  expect(answer.stderr).toContain(
    `shop: 2 tenants, such as ${bare}, have no schema, no role or no rights in PostgreSQL`,
  );
  expect(answer.stderr).toContain('tenantry drift');
  expect(answer.code).toBe(1);
  expect((await project.run('migrate', '--tenant', 't001')).code).toBe(0);
});

it('selects by status and label', async () => {
  await shop.sql(`update tenantry.tenant set labels = '{"tier": "gold"}' where id in ('t003', 't009')`);
  await project.ship(second);
  expect((await project.run('migrate', '--where', 'status=active,tier=gold')).code).toBe(0);
  expect(await shop.heads()).toEqual({ '000001-item': 10, '000002-price': 2 });
});

it.each([
  ['an unknown option', ['migrate', '--nonsense'], 'unknown option'],
  ['an unknown command', ['migrat'], 'unknown command'],
  ['an unknown service', ['migrate', '--service', 'nowhere'], 'The config has no service "nowhere" with tenant data'],
  ['an id that cannot exist', ['migrate', '--tenant', "x'; drop"], 'named a tenant by an id that cannot exist'],
  ['a selector that is none', ['migrate', '--where', 'tier'], '"tier" is not of the form key=value'],
  ['an unknown status', ['migrate', '--where', 'status=asleep'], 'there is no status "asleep"'],
  ['a wave over 100%', ['migrate', '--wave', '200%'], '"200%" is neither'],
  ['failures that are no number', ['migrate', '--max-failures', '1 %'], '"1 %" is neither'],
  ['a canary that is no number', ['migrate', '--canary', 'five'], '--canary five is not a number'],
  ['an unknown target', ['migrate', 'down', '--to', '000009-none'], 'has no migration "000009-none"'],
  ['a way back without down()', ['migrate', 'down', '--to', 'none'], 'has no down()'],
  ['a rollout that is no number', ['rollout', 'show', 'x'], 'is not the number of a rollout'],
  ['a missing config', ['migrate', '--config', 'gone.js'], 'There is no file gone.js'],
])('answers %s with exit code 2 and a sentence, and changes nothing', async (_, args, sentence) => {
  await project.ship(second);
  const { code, stderr } = await project.run(...args);
  expect(stderr).toContain(sentence);
  expect(stderr).not.toMatch(/\n +at /);
  expect(code).toBe(2);
  expect(await shop.heads()).toEqual({ '000001-item': 12 });
});
