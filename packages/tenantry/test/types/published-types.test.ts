import { builtinModules } from 'node:module';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { beforeAll, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };

const folder = fileURLToPath(new URL('../../', import.meta.url));
const entries = Object.values(manifest.exports).flatMap((entry) => (typeof entry === 'string' ? [] : [entry.types]));
const declarations = new Map<string, string>();

beforeAll(() => {
  const { options, fileNames } = ts.parseJsonConfigFileContent(ts.readConfigFile(`${folder}tsconfig.json`, ts.sys.readFile).config, ts.sys, folder);
  const program = ts.createProgram(fileNames, { ...options, composite: false, incremental: false, tsBuildInfoFile: undefined, emitDeclarationOnly: true, sourceMap: false });
  program.emit(undefined, (file, text) => declarations.set(file, text));
});

/** Modules that a user's compiler reads: all that the entry points lead to, by file. */
function importsOf(entry: string, seen = new Map<string, string[]>()): Map<string, string[]> {
  if (seen.has(entry)) return seen;
  const { importedFiles } = ts.preProcessFile(declarations.get(entry) ?? '', true, true);
  const names = importedFiles.map(({ fileName }) => fileName);
  seen.set(entry, names);
  for (const name of names.filter((name) => name.startsWith('.'))) {
    importsOf(fileURLToPath(new URL(name.replace(/\.js$/, '.d.ts'), `file://${entry}`)), seen);
  }
  return seen;
}

it.each(entries)('lets a user compile %s with nothing but what the package depends on', (entry) => {
  const files = importsOf(fileURLToPath(new URL(entry, `file://${folder}`)));
  expect([...files.keys()].filter((file) => !declarations.has(file))).toEqual([]);
  const packages = [...files.values()].flat().filter((name) => !name.startsWith('.') && !name.startsWith('node:') && !builtinModules.includes(name));
  const roots = packages.map((name) => name.split('/', name.startsWith('@') ? 2 : 1).join('/'));
  expect([...new Set(roots)].filter((name) => !(name in manifest.dependencies))).toEqual([]);
  // A dependency without types of its own makes everything `any` for a user who has not installed them.
  expect(roots.filter((name) => name === 'pg' || name === 'pg-cursor')).toEqual([]);
});
