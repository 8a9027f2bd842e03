import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { BenchDatabase } from './database.ts';
import { runProgram, tenantryBin, writeShopConfig } from './program.ts';

/** The most memory that `tenantry migrate` takes while it adds the newest of some migrations to the whole fleet, in MB. */
export async function peakOfRollout(
  database: BenchDatabase,
  migrations: Record<string, readonly string[]>,
): Promise<number> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tenantry-bench-'));
  try {
    await writeShopConfig(folder, migrations);
    const { peakMb } = await runProgram(folder, database, [tenantryBin, 'migrate']);
    return peakMb;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
