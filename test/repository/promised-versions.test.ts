import { glob, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { isolations, poolers } from '../support/mode.js';

const root = path.resolve(import.meta.dirname, '../..');
const read = (file: string) => readFile(path.join(root, file), 'utf8');
const workflow = await read('.github/workflows/ci.yml');

/** What the public workflow tries: `postgres: [15, 16]`. */
function tried(axis: string): string[] {
  const [, list = ''] = new RegExp(`^ +${axis}: \\[(.*)\\]$`, 'm').exec(workflow) ?? [];
  return list.split(', ');
}

const manifest = async (file: string) =>
  JSON.parse(await read(file)) as { engines: { node: string }; devDependencies: Record<string, string> };

it('names one range of PostgreSQL everywhere, and tries every version in it', async () => {
  const ranges = new Map<string, string[]>();
  const pages = ['*.md', 'docs/**/*.md', 'packages/tenantry/src/**/*.ts', '.github/*.yml'];
  for await (const file of glob(pages, { cwd: root })) {
    for (const [, range = ''] of (await read(file)).matchAll(/(?:PostgreSQL|from)[ |,]+(\d\d to \d\d)\b/g))
      ranges.set(range, [...(ranges.get(range) ?? []), file]);
  }
  const versions = tried('postgres');
  expect([...ranges.keys()]).toEqual([`${versions[0]} to ${versions.at(-1)}`]);
  expect([...ranges.values()].flat()).toEqual(
    expect.arrayContaining(['README.md', 'docs/limits.md', 'packages/tenantry/src/doctor/checks/server.ts']),
  );
  expect(versions.map(Number)).toEqual(versions.map((_, index) => Number(versions[0]) + index));
});

it('tries the oldest Node that it promises, and the one that it is developed with', async () => {
  const [whole, library] = [await manifest('package.json'), await manifest('packages/tenantry/package.json')];
  expect(whole.engines).toEqual(library.engines);
  const [, oldest = ''] = /^>=(\d+\.\d+)$/.exec(library.engines.node) ?? [];
  const developed = whole.devDependencies['node'] ?? '';
  expect(tried('node')).toEqual([`${oldest}.0`, developed]);
  expect(await read('README.md')).toContain(`Node ${oldest} or newer`);
  expect(await read('CONTRIBUTING.md')).toContain(`its own Node ${developed.split('.', 1)[0]}`);
});

it('tries every mode of the suite', () => {
  expect([tried('isolation'), tried('pooler')]).toEqual([isolations, poolers]);
});

it('leaves every step to the script that runs everywhere', () => {
  const commands = [...workflow.matchAll(/^ +(?:- )?run: (.*)$/gm)].map(([, command]) => command);
  expect(commands.at(-1)).toBe('.ci/run');
  // The other one starts the server that the suite is given.
  expect(commands).toHaveLength(2);
  expect(workflow).not.toMatch(/\b(?:npm (?:ci|test|run)|npx|vitest|tsc)\b/);
});
