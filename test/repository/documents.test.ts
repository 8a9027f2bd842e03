import { existsSync } from 'node:fs';
import { glob, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const exclude = ['**/node_modules/**', '**/dist/**'];
const texts = new Map<string, string>();
for await (const page of glob('**/*.md', { cwd: root, exclude }))
  texts.set(page, await readFile(path.join(root, page), 'utf8'));
const pages = [...texts.keys()];

/** As GitHub makes them of headings. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** What is wrong with the links of one page. */
function brokenLinks(page: string, text: string): string[] {
  const links = [...text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)];
  return links.flatMap(([link, file = '', anchor]) => {
    const target = file === '' ? page : path.posix.join(path.posix.dirname(page), file);
    if (!existsSync(path.join(root, target))) return [link];
    return anchor === undefined || anchorsOf(texts.get(target) ?? '').includes(anchor) ? [] : [link];
  });
}

it.each(pages)('links only to what is there: %s', (page) => {
  expect(brokenLinks(page, texts.get(page) ?? '')).toEqual([]);
});

it('would see a link that leads nowhere, to a file or to a heading', () => {
  const text = '[a](nowhere.md) [b](CHANGELOG.md#nothing) [c](#here)\n# Not here';
  expect(brokenLinks('README.md', text)).toEqual(['](nowhere.md)', '](CHANGELOG.md#nothing)', '](#here)']);
});

it.each(pages.filter((page) => page.startsWith('docs/decisions/')))(
  'says why, what, at which price, and what would change our mind: %s',
  (page) => {
    const parts = [...(texts.get(page) ?? '').matchAll(/^\*\*([A-Z][^*]*)\.\*\*/gm)].map(([, part]) => part);
    expect(parts).toEqual(expect.arrayContaining(['Context', 'Decision', 'Drawbacks', 'What would change our mind']));
  },
);

/** Of the recipes in CONTRIBUTING.md, the files that they name and that are not there. */
function lostFiles(text: string): string[] {
  const named = [...text.matchAll(/`((?:src|test|scripts|\.github)\/[\w./-]+\.\w+)`/g)].map(([, file = '']) => file);
  return named.filter((file) => !['', 'packages/tenantry'].some((folder) => existsSync(path.join(root, folder, file))));
}

it('names files in its recipes that are there', () => {
  expect(lostFiles(texts.get('CONTRIBUTING.md') ?? '')).toEqual([]);
  expect(lostFiles('`src/errors/error-codes.ts`, `src/errors/gone.ts`')).toEqual(['src/errors/gone.ts']);
});
