import { builtinModules } from 'node:module';
import { resolve } from 'node:path';
import ts from 'typescript';
import { beforeAll, expect, it } from 'vitest';
import { dependencies, entries, libraryProgram } from './library-program.js';

const declarations = new Map<string, string>();
beforeAll(() => {
  libraryProgram().emit(undefined, (file, text) => declarations.set(file, text));
});

/** What a user's compiler reads from an entry point on: each file, with the modules that it names. */
function importsOf(file: string, seen = new Map<string, string[]>()): Map<string, string[]> {
  if (seen.has(file)) return seen;
  const names = ts
    .preProcessFile(declarations.get(file) ?? '', true, true)
    .importedFiles.map(({ fileName }) => fileName);
  seen.set(file, names);
  for (const name of names.filter((each) => each.startsWith('.')))
    importsOf(resolve(file, '..', name.replace(/\.js$/, '.d.ts')), seen);
  return seen;
}

it.each(entries)('lets a user compile $name with nothing but what the package depends on', ({ types }) => {
  const files = importsOf(resolve(types));
  expect([...files.keys()].filter((file) => !declarations.has(file))).toEqual([]);
  const packages = [...files.values()]
    .flat()
    .filter((name) => !name.startsWith('.') && !name.startsWith('node:') && !builtinModules.includes(name))
    .map((name) => name.split('/', name.startsWith('@') ? 2 : 1).join('/'));
  expect([...new Set(packages)].filter((name) => !dependencies.includes(name))).toEqual([]);
});
