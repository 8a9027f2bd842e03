import { readFile } from 'node:fs/promises';
import { glob } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { lockKeyIn, lockNames } from '../../src/postgres/lock-names.js';

const folder = new URL('../../', import.meta.url);

async function textsOf(pattern: string): Promise<{ path: string; text: string }[]> {
  const texts = [];
  for await (const path of glob(pattern, { cwd: folder }))
    texts.push({ path, text: await readFile(new URL(path, folder), 'utf8') });
  return texts;
}

/** What SQL puts before a `||`, or gives whole, where a lock of ours is meant. */
const spelled = (text: string) =>
  [...text.matchAll(/\b(?:lock_key|take_lock|lock_holder)\(\s*'([^']*)'/g)].map((match) => match[1]);

describe('the name of a lock', () => {
  it('is the same where SQL spells it', async () => {
    const names = (await textsOf('sql/*.sql')).flatMap(({ text }) => spelled(text));
    expect(new Set(names)).toEqual(new Set([lockNames.schema(''), lockNames.operation('')]));
  });

  it('is made in one file: no other spells one, or computes a key', async () => {
    const found = (await textsOf('src/**/*.ts'))
      .filter(
        ({ path, text }) =>
          !path.endsWith('/lock-names.ts') && (/lock_key|hashtextextended\('/.test(text) || spelled(text).length > 0),
      )
      .map(({ path }) => path);
    expect(found).toEqual([]);
  });

  it('is another one for everything that is locked', () => {
    const names = Object.values(lockNames).map((name) => name('a'));
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => names.some((other) => other !== name && other.startsWith(name)))).toEqual([]);
  });

  it('begins the same where the rest of it is in a column', () => {
    expect(lockKeyIn('rollout', 'service')).toBe("tenantry.lock_key('rollout:' || service)");
  });
});
