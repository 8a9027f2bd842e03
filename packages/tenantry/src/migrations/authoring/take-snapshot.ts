import type { AuthoringTarget } from './authoring-target.js';
import { withEntitySchema } from './entity-schema.js';
import { readMigrationFolder } from './migration-folder.js';
import { readSnapshotMark, snapshotFile, writeSnapshot } from './snapshot.js';

/** What was taken as known. */
export interface TakenSnapshot {
  /** Absolute path. */
  readonly file: string;
  /** The newest migration of the folder, after which the tables are as the entities say. */
  readonly migration: string | null;
  readonly tables: readonly string[];
  /** Whether there was none before. */
  readonly first: boolean;
}

/**
 * Says that the migrations written by hand did what the entities say: from here on `create` writes what changes later.
 * The first one also leaves the lint to the migrations that follow, because those in the folder may have run.
 */
export async function takeSnapshot(target: AuthoringTarget): Promise<TakenSnapshot> {
  const migration = (await readMigrationFolder(target.folder)).at(-1)?.name ?? null;
  const mark = await readSnapshotMark(target.folder);
  return withEntitySchema(target, async ({ wanted }) => {
    await writeSnapshot(target.folder, { migration, lintAfter: mark ? mark.lintAfter : migration }, wanted);
    const tables = wanted.getTables().map((table) => table.name);
    return { file: snapshotFile(target.folder), migration, tables, first: mark === undefined };
  });
}
