import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { compileMigrations } from '../compile-migrations.js';
import { type KnownTables, tablesAfter } from '../lint/known-tables.js';
import type { LintFinding } from '../lint/lint-finding.js';
import { lintMigration } from '../lint/lint-migration.js';
import { loadSqlParser } from '../lint/sql-parser.js';
import type { AuthoringTarget } from './authoring-target.js';
import { withEntitySchema } from './entity-schema.js';
import { layOutSql } from './lay-out-sql.js';
import { readMigrationFolder } from './migration-folder.js';
import { namesInIndex } from './migration-index.js';
import { readSnapshotMark, type SnapshotMark } from './snapshot.js';

/** Whether a service's entities, its migrations and their list say the same. */
export interface CheckReport {
  readonly service: string;
  readonly part: 'tenant' | 'shared';
  /** Nothing below keeps a release back; lint warnings may remain. */
  readonly ok: boolean;
  /** What is wrong with the files, in sentences. */
  readonly problems: readonly string[];
  /** What `create` would write. */
  readonly statements: readonly string[];
  /** What the entities say and no statement does; it keeps nothing back. */
  readonly notes: readonly string[];
  readonly findings: readonly (LintFinding & { readonly migration: string })[];
}

/** Checks one part of a service, without a database and without writing. */
export async function checkMigrations(target: AuthoringTarget): Promise<CheckReport> {
  const { service, part, folder } = target;
  const names = (await readMigrationFolder(folder)).map(({ name }) => name);
  const mark = await readSnapshotMark(folder);
  const problems = [...(await listProblems(target, names)), ...markProblems(names, mark)];
  const { statements, notes } =
    mark || names.length === 0 ? await missing(target, mark) : { statements: [], notes: [] };
  const findings = await lintFrom(target, mark);
  const ok = problems.length === 0 && statements.length === 0 && findings.every(({ level }) => level === 'warning');
  return { service, part, ok, problems, statements, notes, findings };
}

async function missing(
  target: AuthoringTarget,
  mark: SnapshotMark | undefined,
): Promise<Pick<CheckReport, 'statements' | 'notes'>> {
  const parser = await loadSqlParser();
  return withEntitySchema(target, async ({ changes }) => {
    const { up, notes } = await changes(mark !== undefined);
    return { statements: layOutSql(parser, up), notes };
  });
}

/** The folder, its index and the list that the service ships must name the same migrations in the same order. */
async function listProblems({ folder, migrations }: AuthoringTarget, names: readonly string[]): Promise<string[]> {
  const problems: string[] = [];
  const numbers = names.map((name) => name.slice(0, 6));
  for (const [at, number] of numbers.entries()) {
    if (numbers[at - 1] === number)
      problems.push(`${names[at - 1]} and ${names[at]} have the same number; renumber the newer`);
  }
  const index = path.join(folder, 'index.ts');
  const indexed = existsSync(index) ? namesInIndex(await readFile(index, 'utf8')) : [];
  problems.push(...differences(names, indexed, 'index.ts', 'list it there'));
  problems.push(...differences(names, Object.keys(migrations), 'the list of the config', 'build the service'));
  return problems;
}

function differences(files: readonly string[], listed: readonly string[], where: string, remedy: string): string[] {
  const unlisted = files.filter((name) => !listed.includes(name));
  const gone = listed.filter((name) => !files.includes(name));
  if (unlisted.length + gone.length === 0 && files.join() !== listed.join()) {
    return [`${where} is not in the order of the numbers: ${listed.join(', ')}`];
  }
  return [
    ...unlisted.map((name) => `${name}.ts is in the folder but not in ${where}; ${remedy}`),
    ...gone.map(
      (name) => `${name} is in ${where} but not in the folder; a migration that may have run is never removed`,
    ),
  ];
}

function markProblems(names: readonly string[], mark: SnapshotMark | undefined): string[] {
  if (!mark) return names.length === 0 ? [] : ['there is no .snapshot.json; run: tenantry migration snapshot'];
  return [mark.migration, mark.lintAfter]
    .filter((name) => name !== null && !names.includes(name))
    .map(
      (name) =>
        `.snapshot.json mentions ${name}, which is not in the folder; take a new one: tenantry migration snapshot`,
    );
}

async function lintFrom(target: AuthoringTarget, mark: SnapshotMark | undefined): Promise<CheckReport['findings']> {
  const { part, sharedSchemas } = target;
  const findings: (LintFinding & { migration: string })[] = [];
  let before: KnownTables = new Map();
  for (const { name, kind, statements } of await compileMigrations(target.service, target.migrations)) {
    if (mark?.lintAfter == null || name > mark.lintAfter) {
      const found = await lintMigration(statements, { kind, tenant: part === 'tenant', sharedSchemas, before });
      findings.push(...found.map((finding) => ({ migration: name, ...finding })));
    }
    before = await tablesAfter(statements, before);
  }
  return findings;
}
