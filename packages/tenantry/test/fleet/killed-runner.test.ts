import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CliProject, openCliProject } from '../../../../test/support/cli-project.js';
import { until } from '../../../../test/support/until.js';
import { type FleetShop, openFleet } from './support/fleet-shop.js';

const kills = 30;
const tenants = 80;

let shop: FleetShop;
let project: CliProject;
beforeAll(async () => {
  shop = await openFleet(tenants);
  project = await openCliProject(shop.database.url);
});
afterAll(async () => {
  await project.close();
  await shop.close();
});

const base = {
  '000001-item': ['create table item (id int primary key, name text)', "insert into item values (1, 'first')"],
};
// Slow enough to be hit in the middle; a second run of any of them would fail.
const added = (round: number) => [
  `alter table item add column c${round} int`,
  'select pg_sleep(0.004)',
  'insert into item (id) select max(id) + 1 from item',
];
const shipped = (rounds: number) => ({
  ...base,
  ...Object.fromEntries(
    Array.from({ length: rounds }, (_, index) => [`${String(index + 2).padStart(6, '0')}-c`, added(index + 1)]),
  ),
});

it(
  'ends with every tenant at head and every migration run once, however often the runner was killed',
  { timeout: 300_000 },
  async () => {
    let inTheMiddle = 0;
    for (let round = 1; round <= kills; round++) {
      await project.ship(shipped(round));
      const child = spawn(process.execPath, [project.bin, '--json', 'migrate', '--connections', '2'], {
        cwd: project.folder,
        env: { ...process.env, DATABASE_URL: shop.database.url },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      child.stdout.on('data', (chunk: Buffer) => {
        if (chunk.includes('"started"')) void sleep(Math.random() * 200).then(() => child.kill('SIGKILL'));
      });
      await once(child, 'exit');
      inTheMiddle += Object.keys(await shop.heads()).length > 1 ? 1 : 0;
      await requireWhole();
    }
    const { code } = await project.run('migrate');
    expect(code).toBe(0);
    expect(await shop.heads()).toEqual({ [`${String(kills + 1).padStart(6, '0')}-c`]: tenants });
    await requireWhole();
    // Otherwise nothing was shown.
    expect(inTheMiddle).toBeGreaterThan(kills / 4);
  },
);

/** What the ledger says ran did run, once, and nothing else did. */
async function requireWhole(): Promise<void> {
  // PostgreSQL still finishes what the killed process had sent.
  await until('the killed process is gone', async () => {
    const [others] = await shop.sql<{ n: number }>(
      "select count(*)::int as n from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle'",
    );
    return others?.n === 0;
  });
  const rows = await shop.sql<{ schema: string; ran: number; columns: number; head: string; last: string }>(
    `select x.schema_name as schema, x.head, (select max(migration) from tenantry.ledger l where l.schema_name = x.schema_name) as last,
            (select count(*)::int - 1 from tenantry.ledger l where l.schema_name = x.schema_name) as ran,
            (select count(*)::int - 2 from pg_attribute where attrelid = (quote_ident(x.schema_name) || '.item')::regclass and attnum > 0) as columns
       from tenantry.tenant_schema x`,
  );
  for (const { schema, ran, columns, head, last } of rows) {
    expect({ schema, columns, head }).toEqual({ schema, columns: ran, head: last });
    const [count] = await shop.sql<{ n: number }>(`select count(*)::int as n from "${schema}".item`);
    expect(count?.n).toBe(ran + 1);
  }
}
