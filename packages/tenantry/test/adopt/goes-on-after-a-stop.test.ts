import { afterEach, beforeEach, expect, it } from 'vitest';
import { type CliProject, openCliProject } from '../../../../test/support/cli-project.js';
import { type Market, marketConfig, marketMigrations, openMarket, tenantTables } from './support/market.js';

let market: Market;
let project: CliProject;
beforeEach(async () => {
  market = await openMarket(30);
  project = await openCliProject(market.database.url);
});
afterEach(async () => {
  await project.close();
  await market.close();
});

it('ends after what is in flight when it is stopped, and goes on there', async () => {
  const stopping = new AbortController();
  const adoption = await market.adoption();
  const onEvent = (event: { type: string; phase?: string }) => {
    if (event.type === 'progress' && event.phase === 'copy') stopping.abort();
  };
  const stopped = await adoption.run({ concurrency: 1, signal: stopping.signal, onEvent });
  expect(stopped).toMatchObject({ status: 'stopped', tenants: 30, copied: 10, failed: 0 });
  await expect(adoption.cutover()).rejects.toMatchObject({ code: 'TENANCY_ADOPTION_STATE' });
  await market.run();
  await market.mustBeSame();
});

it('copies the others when one tenant cannot be, names it, and tries it again', async () => {
  const [orders = '', ...others] = tenantTables.slice(1);
  const strict = [
    tenantTables[0] ?? '',
    orders.replace('total numeric(10, 2)', 'total numeric(10, 2) check (total < 100)'),
    ...others,
  ];
  await project.ship({ '000001-market': strict }, { adopt: marketConfig });
  await market.sql('delete from tenantry.service');
  await market.sql(
    'update public."Order" set total = 500 where id = (select min(id) from public."Order" where client_id = 7)',
  );
  const failed = await project.run('adopt', 'run');
  expect(failed.code).toBe(1);
  expect(failed.stdout).toMatch(/^failed: 29 of 30 tenants .* 1 failed/);
  expect(failed.stderr).toMatch(/tenant c7 failed: .*violates check constraint/);
  await market.sql('update public."Order" set total = 5 where total = 500');
  expect(await project.run('adopt', 'run')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^copied: 30 of 30/) as string,
  });
  expect((await project.run('adopt', 'verify')).code).toBe(0);
});

it('leaves a tenant alone whose tables have rows already', async () => {
  await market.sql("insert into tenantry.tenant (id, name) values ('c3', 'was here before')");
  await market.tenancy.reconcile();
  await market.sql("insert into c3_shop.setting values ('own')");
  const outcome = await (await market.adoption()).run();
  expect(outcome).toMatchObject({ status: 'failed', copied: 29, failed: 1 });
  expect(await market.sql('select key from c3_shop.setting')).toEqual([{ key: 'own' }]);
  await market.sql('delete from c3_shop.setting');
  await market.run();
  await market.mustBeSame();
  expect(await market.sql("select name from tenantry.tenant where id = 'c3'")).toEqual([{ name: 'was here before' }]);
});

it('refuses to go on with another config', async () => {
  await market.run();
  const other = { ...marketConfig, tenants: { ...marketConfig.tenants, idPrefix: 'd' } };
  await expect((await market.adoption(other)).run()).rejects.toMatchObject({
    code: 'TENANCY_OPTION_INVALID',
    fields: { option: 'adopt' },
  });
});

it('leaves rows without a tenant where they are, and counts them', async () => {
  await market.sql("insert into public.setting values (500, 'nobody')");
  const tables = marketConfig.tables.map((each) =>
    each.table === 'setting' ? { ...each, orphans: 'leave' as const } : each,
  );
  const adoption = await market.adoption({ ...marketConfig, tables });
  expect(await adoption.run()).toMatchObject({ status: 'copied' });
  await market.sql("insert into public.setting values (501, 'nobody either')");
  await adoption.cutover();
  expect(await adoption.verify()).toMatchObject({ same: true, left: 2, pending: 0 });
});

it('speaks JSON, one document a line', async () => {
  await project.ship(marketMigrations, { adopt: marketConfig });
  const { code, stdout } = await project.run('--json', 'adopt', 'run');
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; phase?: string });
  expect(code).toBe(0);
  expect(events.filter(({ type }) => type === 'phase').map(({ phase }) => phase)).toEqual(['provision', 'copy']);
  expect(events.at(-1)).toMatchObject({ type: 'outcome', status: 'copied', tenants: 30 });
});
