import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { TenancyError } from '../../errors/tenancy-error.js';
import { compileMigrations } from '../compile-migrations.js';
import { tablesAfter } from '../lint/known-tables.js';
import type { LintFinding } from '../lint/lint-finding.js';
import { lintMigration } from '../lint/lint-migration.js';
import { loadSqlParser } from '../lint/sql-parser.js';
import type { AuthoringTarget } from './authoring-target.js';
import { withEntitySchema } from './entity-schema.js';
import { layOutSql } from './lay-out-sql.js';
import { migrationClassIn, type MigrationFile, readMigrationFolder, writeWhole } from './migration-folder.js';
import { migrationIndex } from './migration-index.js';
import { nameOfChange, parseMigrationName } from './migration-name.js';
import { migrationClassName, migrationSource } from './migration-source.js';
import { readSnapshotMark, type SnapshotMark, writeSnapshot } from './snapshot.js';

/** What `create` wrote. */
export interface CreatedMigration {
  readonly name: string;
  /** Absolute path. */
  readonly file: string;
  readonly up: readonly string[];
  readonly down: readonly string[];
  readonly findings: readonly LintFinding[];
}

/** What `create` found. */
export interface Creation {
  /** None where nothing changed; then nothing was written. */
  readonly migration?: CreatedMigration | undefined;
  /** What the entities say and no statement does. */
  readonly notes: readonly string[];
}

/**
 * Writes one migration with what changed in the entities since the snapshot, lists it in `index.ts` and brings the snapshot
 * up to date. Needs no database.
 *
 * @param name - In kebab-case; without one, the change gives it.
 * @throws TenancyError `TENANCY_OPTION_INVALID` for a bad name or folder; then nothing is written either.
 */
export async function createMigration(target: AuthoringTarget, name?: string): Promise<Creation> {
  const given = name === undefined ? undefined : parseMigrationName(name);
  const files = await readMigrationFolder(target.folder);
  const mark = await readSnapshotMark(target.folder);
  if (!mark && files.length > 0) throw withoutSnapshot(target);
  const listed = await Promise.all(
    files.map(async (file) => ({ name: file.name, className: await migrationClassIn(target.folder, file) })),
  );
  const index = await readIndex(target.folder);
  const parser = await loadSqlParser();
  return withEntitySchema(target, async ({ wanted, changes }) => {
    const sql = await changes(mark !== undefined);
    const { notes } = sql;
    const up = layOutSql(parser, sql.up);
    if (up.length === 0) return { notes };
    const down = layOutSql(parser, sql.down);
    const chosen = given ?? nameOfChange(parser, up);
    const created = { name: `${nextNumber(files)}-${chosen}`, className: '' };
    created.className = migrationClassName(chosen, new Set(listed.map(({ className }) => className)));
    const file = path.join(target.folder, `${created.name}.ts`);
    const findings = await lintNew(target, up);
    // In this order, so that `migration check` notices whatever a crash left out.
    await writeFile(file, migrationSource({ className: created.className, up, down }), { flag: 'wx' });
    await writeWhole(path.join(target.folder, 'index.ts'), migrationIndex([...listed, created], index));
    await writeSnapshot(target.folder, after(mark, created.name), wanted);
    return { migration: { name: created.name, file, up, down, findings }, notes };
  });
}

function withoutSnapshot({ service, part, folder }: AuthoringTarget): TenancyError {
  const command = `tenantry migration snapshot --service ${service}${part === 'shared' ? ' --shared' : ''}`;
  const reason = `${folder} has migrations and no .snapshot.json, so nobody knows which tables they made; when the entities say what the migrations do, run: ${command}`;
  return new TenancyError('TENANCY_OPTION_INVALID', { option: 'migrationsDir', reason });
}

function nextNumber(files: readonly MigrationFile[]): string {
  return String(Math.max(0, ...files.map(({ number }) => number)) + 1).padStart(6, '0');
}

function after(mark: SnapshotMark | undefined, migration: string): SnapshotMark {
  return { migration, lintAfter: mark?.lintAfter ?? null };
}

/** The index is written anew, so there must be nothing else in it to lose. */
async function readIndex(folder: string): Promise<string> {
  const file = path.join(folder, 'index.ts');
  const text = existsSync(file) ? await readFile(file, 'utf8') : '';
  const other = /^export (?!const migrations\b).*$/m.exec(text);
  if (!other) return text;
  const reason = `${file} exports more than the list \`migrations\`: ${other[0]}; move that to another file, because index.ts is written anew`;
  throw new TenancyError('TENANCY_OPTION_INVALID', { option: 'migrationsDir', reason });
}

async function lintNew(target: AuthoringTarget, up: readonly string[]): Promise<readonly LintFinding[]> {
  const earlier = await compileMigrations(target.service, target.migrations);
  const before = await tablesAfter(earlier.flatMap(({ statements }) => statements));
  const { part, sharedSchemas } = target;
  return lintMigration(up, { kind: 'sql', tenant: part === 'tenant', sharedSchemas, before });
}
