import { glob, readFile } from 'node:fs/promises';
import { beforeAll, expect, it } from 'vitest';
import { errorCodes } from '../../src/errors/error-codes.js';

const root = new URL('../../src/', import.meta.url).pathname;
/** The sources without the table itself and without comments. */
let code = '';
beforeAll(async () => {
  for await (const file of glob('**/*.ts', { cwd: root, exclude: ['errors/error-codes.ts'] })) {
    code += (await readFile(root + file, 'utf8')).replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
  }
});

it.each(Object.keys(errorCodes))('reports %s somewhere', (name) => {
  expect(code).toContain(`'${name}'`);
});

it('reports no code that the table does not have', () => {
  const used = new Set([...code.matchAll(/'(TENANCY_[A-Z_]+)'/g)].map(([, name]) => name ?? ''));
  // The injection token of the module's options.
  used.delete('TENANCY_MODULE_OPTIONS');
  expect([...used].filter((name) => !(name in errorCodes))).toEqual([]);
});
