import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { DatabaseSchema } from '@mikro-orm/postgresql';
import { TenancyError } from '../../errors/tenancy-error.js';
import { writeWhole } from './migration-folder.js';

/** File name of the snapshot, without `.json`. */
export const snapshotName = '.snapshot';

/** What a snapshot says besides the tables. */
export interface SnapshotMark {
  /** The migration after which the tables look like this; `null` before the first. */
  readonly migration: string | null;
  /** Migrations up to this one came before the lint, and run as they are. */
  readonly lintAfter: string | null;
}

/**
 * Reads what a folder's snapshot is about; `undefined` where there is none.
 *
 * @throws TenancyError `TENANCY_OPTION_INVALID` when it is not JSON, as after a merge.
 */
export async function readSnapshotMark(folder: string): Promise<SnapshotMark | undefined> {
  const file = snapshotFile(folder);
  if (!existsSync(file)) return undefined;
  const { migration = null, lintAfter = null } = parse(file, await readFile(file, 'utf8'));
  return { migration, lintAfter };
}

function parse(file: string, text: string): Partial<SnapshotMark> {
  try {
    return JSON.parse(text) as Partial<SnapshotMark>;
  } catch (cause) {
    const reason = `${file} is not JSON; after a merge, keep both sides' migrations and take it anew: tenantry migration snapshot`;
    throw new TenancyError('TENANCY_OPTION_INVALID', { option: 'migrationsDir', reason }, { cause });
  }
}

/** Writes a folder's snapshot: MikroORM's own form, behind what it is about. */
export async function writeSnapshot(folder: string, mark: SnapshotMark, schema: DatabaseSchema): Promise<void> {
  const { migration, lintAfter } = mark;
  const tables = JSON.parse(JSON.stringify(schema)) as object;
  await writeWhole(snapshotFile(folder), `${JSON.stringify({ migration, lintAfter, ...tables }, null, 2)}\n`);
}

/** Absolute path of a folder's snapshot. */
export function snapshotFile(folder: string): string {
  return path.join(folder, `${snapshotName}.json`);
}
