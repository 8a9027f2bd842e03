import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { errorsPage } from '../../../../scripts/docs-errors.js';
import * as library from '../../src/index.js';
import { errorCodes } from '../../src/errors/error-codes.js';

const page = await readFile(new URL('../../../../docs/errors.md', import.meta.url), 'utf8');
const onPage = [...page.matchAll(/^## (\S+)$/gm)].map(([, code]) => code);

it('keeps docs/errors.md equal to the code', () => {
  expect(page).toBe(errorsPage());
});

it('lists every code on the page, and no other', () => {
  expect(onPage).toEqual(Object.keys(errorCodes).toSorted());
});

it('exports the table that the page is made from', () => {
  expect(library.errorCodes).toBe(errorCodes);
});
