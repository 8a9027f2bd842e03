import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CliProject, openCliProject } from '../../../../test/support/cli-project.js';
import { until } from '../../../../test/support/until.js';
import { type Market, marketConfig, marketMigrations, openMarket } from './support/market.js';

const [tenants, kills] = [60, 15];
let market: Market;
let project: CliProject;
beforeAll(async () => {
  market = await openMarket(tenants, [], 30);
  // No index: a sorted copy is made, and may be hit too.
  await market.sql(
    'drop index public."Order_client_id_idx"; alter table public."Order" drop constraint "Order_client_id_slug_key"',
  );
  await market.sql('alter table public."Order" add unique (slug, client_id)');
  project = await openCliProject(market.database.url);
  await project.ship(marketMigrations, { adopt: marketConfig });
});
afterAll(async () => {
  await project.close();
  await market.close();
});

it('copies every row once, however often the run was killed', { timeout: 300_000 }, async () => {
  let inTheMiddle = 0;
  for (let round = 1; round <= kills; round++) {
    const child = spawn(process.execPath, [project.bin, '--json', 'adopt', 'run', '--connections', '2'], {
      cwd: project.folder,
      env: { ...process.env, DATABASE_URL: market.database.url },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let seen = false;
    child.stdout.on('data', (chunk: Buffer) => {
      if (seen || !/"phase":"(?:provision|sort|copy|replay)"/.test(chunk.toString())) return;
      seen = true;
      void sleep(Math.random() * 60).then(() => child.kill('SIGKILL'));
    });
    await once(child, 'exit');
    const [row] = await market.sql<{ copied: number }>(
      'select count(*) filter (where copied)::int as copied from tenantry.adoption_tenant',
    );
    inTheMiddle += (row?.copied ?? 0) < tenants ? 1 : 0;
    await market.sql(`update public."Order" set total = $1 where id % 7 = $1`, [round % 7]);
  }
  const { code, stderr } = await project.run('adopt', 'run');
  expect({ code, stderr }).toMatchObject({ code: 0 });
  await market.run();
  await market.mustBeSame();
  expect(await market.sql("select relname from pg_class where relname like 'adoption\\_sorted%'")).toEqual([]);
  // Otherwise nothing was shown.
  expect(inTheMiddle).toBeGreaterThan(2);
});

it(
  'is on one side or the other, whole, however often cutover, rollback and finish were killed',
  { timeout: 300_000 },
  async () => {
    const adoption = await market.adoption();
    const writes = {
      copied: 'update public."Order" set total = total + 1 where id % 5 = 0',
      cutover:
        'update c1_shop.order_entry set total = total + 1; insert into c2_shop.order_entry (slug) values (md5(random()::text))',
    } as const;
    const seen = new Set<string>();
    for (let round = 0; round < kills; round++) {
      const status = (await adoption.status()) ?? 'none';
      seen.add(status);
      await market.sql(writes[status as keyof typeof writes]);
      // Every third one comes to its end, however slow the machine is.
      await killed(status === 'copied' ? 'cutover' : 'rollback', round % 3 === 2 ? undefined : Math.random() * 500);
    }
    expect([...seen].toSorted()).toEqual(['copied', 'cutover']);
    if ((await adoption.status()) === 'copied') await adoption.cutover();
    await adoption.rollback();
    await market.mustBeSame();
    await adoption.cutover();
    await market.mustBeSame();
    for (let round = 0; round < 3; round++) await killed('finish', Math.random() * 100);
    if (await adoption.status()) await adoption.finish();
    expect(await market.sql("select proname from pg_proc where proname like 'adopt\\_%'")).toEqual([]);
  },
);

/** Begins a step and kills it so long after it first said something. */
async function killed(step: string, afterMs: number | undefined): Promise<void> {
  const child = spawn(process.execPath, [project.bin, '--json', 'adopt', step], {
    cwd: project.folder,
    env: { ...process.env, DATABASE_URL: market.database.url },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  if (afterMs === undefined) child.stdout.resume();
  else child.stdout.once('data', () => void sleep(afterMs).then(() => child.kill('SIGKILL')));
  await once(child, 'exit');
  // PostgreSQL still finishes what the killed process had sent.
  await until('the killed process is gone', async () => {
    const [others] = await market.sql<{ n: number }>(
      "select count(*)::int as n from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle'",
    );
    return others?.n === 0;
  });
}
