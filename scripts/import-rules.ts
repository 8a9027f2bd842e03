/** The library's folders from the bottom up; a folder may import from those below it, never from beside or above. */
export const layers: readonly (readonly string[])[] = [
  ['errors'],
  ['tenant'],
  ['postgres', 'context'],
  ['catalog', 'isolation', 'resolution', 'http'],
  ['orm'],
  ['migrations'],
  ['fleet'],
  ['lifecycle', 'doctor'],
  ['.'],
  ['nest', 'cli', 'testing'],
];

/** What an app may import of the library. */
export const entryPoints: readonly string[] = ['tenantry', 'tenantry/nest', 'tenantry/cli', 'tenantry/testing'];

/** One import that breaks a rule. */
export interface Breach {
  readonly file: string;
  readonly imported: string;
  readonly rule: string;
}

const library = 'packages/tenantry/src/';

/**
 * Checks one import. Pure.
 *
 * @param file - Path of the importing file, from the repository's root.
 * @param imported - The same for a relative import, as written for any other.
 */
export function breachOf(file: string, imported: string): Breach | undefined {
  const rule = file.startsWith(library) ? libraryRule(file, imported) : appRule(file, imported);
  return rule === undefined ? undefined : { file, imported, rule };
}

function libraryRule(file: string, imported: string): string | undefined {
  if (/^(?:apps|packages\/host|bench)\//.test(imported) || imported.startsWith('@tenantry/'))
    return 'the library imports no app';
  if (!imported.startsWith(library) || file === `${library}index.ts`) return undefined;
  const [from, to] = [folderOf(file), folderOf(imported)];
  if (from === to) return undefined;
  const [rankFrom, rankTo] = [rankOf(from), rankOf(to)];
  if (rankFrom < 0) return `the folder ${from} has no layer; add it to scripts/import-rules.ts`;
  return rankTo < rankFrom ? undefined : `${from} may not import ${to}: imports point downward only`;
}

function appRule(file: string, imported: string): string | undefined {
  if (!/^(?:apps|packages\/host)\//.test(file) || file.includes('/test/')) return undefined;
  if (imported.startsWith(library)) return 'apps import only the library’s entry points';
  if (/^tenantry(?:\/|$)/.test(imported) && !entryPoints.includes(imported))
    return 'apps import only the library’s entry points';
  const app = /^apps\/[^/]+\//.exec(file)?.[0];
  return imported.startsWith('apps/') && app && !imported.startsWith(app) ? 'apps do not import each other' : undefined;
}

function folderOf(path: string): string {
  const rest = path.slice(library.length);
  return rest.includes('/') ? (rest.split('/', 1)[0] ?? '.') : '.';
}

function rankOf(folder: string): number {
  return layers.findIndex((layer) => layer.includes(folder));
}
