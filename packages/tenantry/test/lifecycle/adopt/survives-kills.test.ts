import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CliProject, openCliProject } from '../../../../../test/support/cli-project.js';
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
