import { access, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const page = await readFile(path.join(root, 'docs/scenarios.md'), 'utf8');
const named = new Set([...page.matchAll(/`([^`\s]+\.test\.ts)`/g)].map(([, file = '']) => file));

it.each([...named])('names a test that exists: %s', async (file) => {
  const isBelowRoot = /^(?:apps|packages|test)\//.test(file);
  await expect(access(path.join(root, isBelowRoot ? '' : 'packages/tenantry/test', file))).resolves.toBeUndefined();
});
