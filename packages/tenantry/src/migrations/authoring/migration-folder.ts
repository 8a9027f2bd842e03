import { existsSync } from 'node:fs';
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { TenancyError } from '../../errors/tenancy-error.js';

/** One migration file. */
export interface MigrationFile {
  /** Its name without the ending: `000001-item`. */
  readonly name: string;
  readonly number: number;
}

const shape = /^(\d{6})-[a-z0-9]+(?:-[a-z0-9]+)*\.ts$/;

/**
 * The migration files of a folder, in order.
 *
 * @throws TenancyError `TENANCY_OPTION_INVALID` when there is no such folder.
 */
export async function readMigrationFolder(folder: string): Promise<readonly MigrationFile[]> {
  if (!existsSync(folder)) {
    const reason = `there is no folder ${folder}; make it first`;
    throw new TenancyError('TENANCY_OPTION_INVALID', { option: 'migrationsDir', reason });
  }
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && shape.test(entry.name))
    .map(({ name }) => ({ name: path.basename(name, '.ts'), number: Number(name.slice(0, 6)) }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Name of the class that a migration file exports.
 *
 * @throws TenancyError `TENANCY_OPTION_INVALID` when it exports none, or several.
 */
export async function migrationClassIn(folder: string, { name }: MigrationFile): Promise<string> {
  const source = await readFile(path.join(folder, `${name}.ts`), 'utf8');
  const [first, ...others] = [...source.matchAll(/^export (?:default )?class (\w+)/gm)].map(([, found = '']) => found);
  if (first === undefined || others.length > 0 || /^export default/m.test(source)) {
    const reason = `${name}.ts must export one class by its name, so that index.ts can list it`;
    throw new TenancyError('TENANCY_OPTION_INVALID', { option: 'migrationsDir', reason });
  }
  return first;
}

/** Writes a file whole or not at all: a reader, or a crash, never meets half of it. */
export async function writeWhole(file: string, text: string): Promise<void> {
  const unfinished = `${file}.${process.pid}.tmp`;
  await writeFile(unfinished, text);
  await rename(unfinished, file);
}
