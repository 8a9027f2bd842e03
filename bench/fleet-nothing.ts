import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BenchDatabase } from './database.ts';
import { type BenchOptions, median, type Ratio, ratioOf, rounded } from './result.ts';

const bin = fileURLToPath(new URL('../packages/tenantry/bin/tenantry.js', import.meta.url));
const migrationPackage = import.meta.resolve('@mikro-orm/migrations');

/** `tenantry migrate` where everybody is at head, against the program's own start: reading the config and asking for help. */
export async function startupAgainstNothingToDo(
  database: BenchDatabase,
  migrations: Record<string, readonly string[]>,
  options: BenchOptions,
): Promise<{ ratio: Ratio; figures: unknown }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tenantry-bench-'));
  const config = path.join(folder, 'tenantry.config.mjs');
  const classes = Object.entries(migrations).map(
    ([key, texts]) =>
      `${JSON.stringify(key)}: class extends Migration { up() { for (const sql of ${JSON.stringify(texts)}) this.addSql(sql); } }`,
  );
  await writeFile(
    config,
    `import { Migration } from ${JSON.stringify(migrationPackage)};
     export default { services: { shop: { migrations: { ${classes.join(', ')} } } } };`,
  );
  const [mine, floor, queries, memory]: [number[], number[], number[], number[]] = [[], [], [], []];
  try {
    for (let round = 0; round <= options.rounds; round++) {
      const before = await queriesOf(database);
      const nothing = await runCli(folder, database, ['migrate']);
      // The first count's own end and the second one's flush are among them; autovacuum may add one.
      const asked = (await queriesOf(database)) - before - 2;
      const startOnly = await runCli(folder, database, ['rollout', 'show', '1', '--help'], config);
      if (round === 0) continue;
      mine.push(nothing.ms);
      floor.push(startOnly.ms);
      queries.push(asked);
      memory.push(nothing.peakMb);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const ratio = ratioOf('nothing to do, against the start of the CLI with its config', 1.2, mine, floor);
  return {
    ratio: { ...ratio, better: 'at most' },
    figures: {
      ms: Math.round(median(mine)),
      startMs: Math.round(median(floor)),
      queries: median(queries),
      peakMb: rounded(median(memory)),
    },
  };
}

async function queriesOf({ admin }: BenchDatabase): Promise<number> {
  await admin.query('select pg_stat_force_next_flush()');
  const { rows } = await admin.query<{ n: string }>(
    'select xact_commit + xact_rollback as n from pg_stat_database where datname = current_database()',
  );
  return Number(rows[0]?.n);
}

async function runCli(
  folder: string,
  { url }: BenchDatabase,
  args: readonly string[],
  config?: string,
): Promise<{ ms: number; peakMb: number }> {
  const begun = performance.now();
  // The floor loads the config as well: every command needs it.
  const preload = config === undefined ? [] : ['--import', config];
  const child = spawn(process.execPath, [...preload, bin, ...args], {
    cwd: folder,
    env: { ...process.env, DATABASE_URL: url },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  let peakMb = 0;
  const timer = setInterval(() => {
    void readFile(`/proc/${child.pid}/status`, 'utf8').then(
      (text) => {
        peakMb = Math.max(peakMb, Number(/VmHWM:\s+(\d+)/.exec(text)?.[1] ?? 0) / 1024);
      },
      () => undefined,
    );
  }, 20);
  const [code] = (await once(child, 'exit')) as [number | null];
  clearInterval(timer);
  if (code !== 0) throw new Error(`tenantry ${args.join(' ')} ended with ${code}`);
  return { ms: performance.now() - begun, peakMb };
}
