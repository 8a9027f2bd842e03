import { expect, it } from 'vitest';
import { breachOf, circlesOf } from '../../scripts/import-rules.js';

const library = 'packages/tenantry/src';

it.each([
  ['errors', `${library}/errors/a.ts`, `${library}/tenant/b.js`],
  ['a sibling', `${library}/catalog/a.ts`, `${library}/isolation/b.js`],
  ['a layer above', `${library}/isolation/a.ts`, `${library}/nest/b.js`],
  ['an app from the library', `${library}/nest/a.ts`, 'apps/identity/src/main.js'],
  ['an app package from the library', `${library}/nest/a.ts`, '@tenantry/host'],
  ['a file of the library from an app', 'apps/identity/src/a.ts', `${library}/tenancy.js`],
  ['an unpublished entry from an app', 'apps/identity/src/a.ts', 'tenantry/dist/tenancy.js'],
  ['another app from an app', 'apps/identity/src/a.ts', 'apps/inventory/src/b.js'],
  ['a folder above, inside a room', `${library}/copies/rows/a.ts`, `${library}/copies/tenant-file/b.js`],
  ['a folder of a room that has no place', `${library}/copies/misc/a.ts`, `${library}/copies/b.js`],
  ['anything from a folder without a layer', `${library}/misc/a.ts`, `${library}/errors/b.js`],
])('refuses to import %s', (_, file, imported) => {
  expect(breachOf(file, imported)).toMatchObject({ file, imported });
});

it.each([
  [`${library}/nest/a.ts`, `${library}/tenancy.js`],
  [`${library}/tenancy.ts`, `${library}/lifecycle/b.js`],
  [`${library}/index.ts`, `${library}/nest/b.js`],
  [`${library}/orms/mikro-orm/a.ts`, `${library}/orms/mikro-orm/b.js`],
  [`${library}/copies/tenant-file/a.ts`, `${library}/copies/rows/b.js`],
  [`${library}/copies/rows/a.ts`, `${library}/copies/b.js`],
  [`${library}/copies/a.ts`, `${library}/copies/rows/b.js`],
  ['apps/identity/src/a.ts', 'tenantry/nest'],
  ['apps/identity/src/a.ts', '@tenantry/host'],
])('lets %s import %s', (file, imported) => {
  expect(breachOf(file, imported)).toBeUndefined();
});

it('finds files that import each other, each circle once, and nothing else', () => {
  const imports = new Map([
    ['a', ['b', 'd']],
    ['b', ['c']],
    ['c', ['a', 'd']],
    ['d', ['e']],
    ['e', ['d']],
    ['f', ['a']],
  ]);
  expect(circlesOf(imports)).toEqual([
    ['a', 'b', 'c'],
    ['d', 'e'],
  ]);
  expect(
    circlesOf(
      new Map([
        ['a', ['b', 'c']],
        ['b', ['c']],
        ['c', []],
      ]),
    ),
  ).toEqual([]);
});
