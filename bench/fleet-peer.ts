import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { BenchDatabase } from './database.ts';
import { runProgram, tenantryBin, writeShopConfig } from './program.ts';
import { type BenchOptions, median, type Ratio, ratioOf } from './result.ts';

const peer = 'drizzle-multitenant@1.3.5';
const concurrencies = [10, 20, 40];

/** `tenantry migrate` against `drizzle-multitenant migrate --all`, from start to end: one column for as many schemas. */
export async function againstPeer(
  database: BenchDatabase,
  ids: readonly string[],
  shipped: (rounds: number) => Record<string, readonly string[]>,
  options: BenchOptions,
): Promise<{ ratio: Ratio; figures: unknown }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tenantry-bench-'));
  const [mine, theirs]: [number[], number[]] = [[], []];
  const best: number[] = [];
  try {
    await installPeer(folder, database, ids);
    const first = Object.keys(shipped(0)).length;
    const had = Object.keys(shipped(options.rounds + 2)).length - first;
    for (let round = 0; round <= options.rounds; round++) {
      await writeShopConfig(folder, shipped(had + round));
      const one = await runProgram(folder, database, [tenantryBin, 'migrate']);
      const each: number[] = [];
      // Each with a migration of its own, for the same work.
      for (const [index, concurrency] of concurrencies.entries()) {
        const number = String(round * concurrencies.length + index + 1).padStart(4, '0');
        await writeFile(
          path.join(folder, 'drizzle', `${number}_column.sql`),
          `alter table users add column c${number} int;`,
        );
        const bin = path.join(folder, 'node_modules/drizzle-multitenant/bin/drizzle-multitenant.js');
        const args = [
          bin,
          'migrate',
          '--all',
          '--json',
          '--config',
          'tenant.config.mjs',
          '--concurrency',
          `${concurrency}`,
        ];
        each.push((await runProgram(folder, database, args)).ms);
      }
      options.log(
        `${ids.length} tenants, ${round === 0 ? 'warm-up' : `round ${round}`}: ${one.ms.toFixed(0)} ms, ${peer} ${each.map((ms) => ms.toFixed(0)).join(', ')} ms`,
      );
      if (round === 0) continue;
      mine.push(one.ms);
      theirs.push(Math.min(...each));
      best.push(concurrencies[each.indexOf(Math.min(...each))] ?? 0);
    }
    await requireDone(database, ids, options.rounds);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return {
    ratio: ratioOf(`times as fast as ${peer} migrate --all over ${ids.length} schemas`, 5, theirs, mine),
    figures: {
      ms: Math.round(median(mine)),
      [`${peer} ms`]: Math.round(median(theirs)),
      'its best concurrency': median(best),
    },
  };
}

/** Both did the work that they were timed for. */
async function requireDone({ admin }: BenchDatabase, ids: readonly string[], rounds: number): Promise<void> {
  const { rows } = await admin.query<{ columns: string }>(
    `select count(*) as columns from pg_attribute a join pg_class c on c.oid = attrelid join pg_namespace n on n.oid = relnamespace
      where nspname like 'peer\\_%' and relname = 'users' and attname ~ '^c[0-9]+$'`,
  );
  const expected = ids.length * (rounds + 1) * concurrencies.length;
  if (Number(rows[0]?.columns) !== expected)
    throw new Error(`${peer} added ${rows[0]?.columns} columns instead of ${expected}`);
}

async function installPeer(folder: string, { admin }: BenchDatabase, ids: readonly string[]): Promise<void> {
  await writeFile(path.join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  const args = ['install', '--no-audit', '--no-fund', peer, 'drizzle-orm@0.44.7', 'pg@8.23.0'];
  await promisify(execFile)('npm', args, { cwd: folder });
  await mkdir(path.join(folder, 'drizzle'));
  await writeFile(
    path.join(folder, 'tenant.config.mjs'),
    `import { defineConfig } from 'drizzle-multitenant';
     import { readFileSync } from 'node:fs';
     export default {
       ...defineConfig({
         connection: { url: process.env.DATABASE_URL },
         isolation: { strategy: 'schema', schemaNameTemplate: (id) => 'peer_' + id },
         schemas: { tenant: {} },
       }),
       migrations: {
         folder: './drizzle',
         tenantFolder: './drizzle',
         tenantDiscovery: async () => JSON.parse(readFileSync('./tenants.json', 'utf8')),
       },
     };`,
  );
  await writeFile(path.join(folder, 'tenants.json'), JSON.stringify(ids));
  for (const id of ids)
    await admin.query(
      `create schema "peer_${id}"; create table "peer_${id}".users (id uuid primary key, name text not null)`,
    );
}
