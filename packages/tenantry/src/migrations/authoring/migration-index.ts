/** A migration file and the class that it exports. */
export interface ListedMigration {
  readonly name: string;
  readonly className: string;
}

/**
 * Text of the `index.ts` that lists a folder's migrations in order. Pure.
 *
 * @param current - What it is now: an `import './000001-item.ts'` with that ending keeps it.
 */
export function migrationIndex(migrations: readonly ListedMigration[], current = ''): string {
  const ending = /from '\.\/\d{6}-[^']*\.ts'/.test(current) ? '.ts' : '.js';
  const imports = migrations.map(({ name, className }) => `import { ${className} } from './${name}${ending}';\n`);
  const entries = migrations.map(({ name, className }) => `  '${name}': ${className},\n`);
  return `import type { MigrationList } from 'tenantry';
${imports.join('')}
/** In the order in which they run. */
export const migrations: MigrationList = {
${entries.join('')}};
`;
}

/** The names that an `index.ts` lists, in its order. Pure. */
export function namesInIndex(text: string): string[] {
  return [...text.matchAll(/^\s*["'](\d{6}-[^"']+)["']\s*:/gm)].map(([, name = '']) => name);
}
