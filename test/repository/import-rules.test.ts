import { expect, it } from 'vitest';
import { breachOf } from '../../scripts/import-rules.js';

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
  ['anything from a folder without a layer', `${library}/misc/a.ts`, `${library}/errors/b.js`],
])('refuses to import %s', (_, file, imported) => {
  expect(breachOf(file, imported)).toMatchObject({ file, imported });
});

it.each([
  [`${library}/nest/a.ts`, `${library}/tenancy.js`],
  [`${library}/tenancy.ts`, `${library}/lifecycle/b.js`],
  [`${library}/index.ts`, `${library}/nest/b.js`],
  [`${library}/orm/a.ts`, `${library}/orm/b.js`],
  ['apps/identity/src/a.ts', 'tenantry/nest'],
  ['apps/identity/src/a.ts', '@tenantry/host'],
])('lets %s import %s', (file, imported) => {
  expect(breachOf(file, imported)).toBeUndefined();
});
