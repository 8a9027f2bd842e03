import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { BenchDatabase } from './database.ts';
import { runProgram, tenantryBin, writeShopConfig } from './program.ts';
import { type BenchOptions, median, type Ratio, ratioOf, rounded } from './result.ts';

/** `tenantry migrate` where everybody is at head, against the program's own start: reading the config and asking for help. */
export async function startupAgainstNothingToDo(
  database: BenchDatabase,
  migrations: Record<string, readonly string[]>,
  options: BenchOptions,
): Promise<{ ratio: Ratio; figures: unknown }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tenantry-bench-'));
  const config = await writeShopConfig(folder, migrations);
  const [mine, floor, queries, memory]: [number[], number[], number[], number[]] = [[], [], [], []];
  try {
    for (let round = 0; round <= options.rounds; round++) {
      const before = await queriesOf(database);
      const nothing = await runProgram(folder, database, [tenantryBin, 'migrate']);
      // The first count's own end and the second one's flush are among them; autovacuum may add one.
      const asked = (await queriesOf(database)) - before - 2;
      // The floor loads the config as well: every command needs it.
      const help = ['--import', config, tenantryBin, 'rollout', 'show', '1', '--help'];
      const startOnly = await runProgram(folder, database, help);
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
