import { globSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { one } from '../../src/postgres/one.js';

const src = new URL('../../src/', import.meta.url);

it('gives the row, whatever is in it', () => {
  expect(one([{ id: 0 }], 'select')).toEqual({ id: 0 });
  expect(one([null, 1], 'select')).toBeNull();
});

it('names the statement that gave no row where there always is one', () => {
  expect(() => one([], 'insert into tenantry.rollout')).toThrow(/gave no row .*: insert into tenantry\.rollout\.$/);
});

it('is what takes a row that must be there: nowhere is a value made up for it', () => {
  const files = globSync('**/*.ts', { cwd: src });
  const madeUp = files.flatMap((file) => {
    const text = readFileSync(new URL(file, src), 'utf8');
    return [...text.matchAll(/.*(?:\brows\[0\](?:\?\.\w+)? \?\?|\[\{ \w+ \} = \{).*/g)].map(
      ([line]) => `${file}: ${line.trim()}`,
    );
  });
  expect(madeUp).toEqual([]);
  expect(files.length).toBeGreaterThan(300);
});
