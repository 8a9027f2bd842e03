import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fromPath } from '../../src/resolution/from-path.js';
import { ask, codeOf } from './ask.js';

const resolver = fromPath('/t/:tenant');
const find = (url: string, pattern = resolver) => ask(pattern, {}, url);

it.each([
  ['/t/acme', 'acme'],
  ['/t/acme/', 'acme'],
  ['/t/acme/items/1?x=/t/globex', 'acme'],
  ['/t/acme?tenant=globex', 'acme'],
  ['/t/acme#/t/globex', 'acme'],
  ['/t/a%63me', 'acme'],
])('reads the tenant from %s', async (url, tenant) => {
  expect(await find(url)).toBe(tenant);
});

it.each(['/', '/t', '/items/acme', '/x/t/acme', '//t/acme', '/T/acme', '/%74/acme', '/?/t/acme', ''])(
  'finds no tenant in %s',
  async (url) => {
    expect(await find(url)).toBeUndefined();
  },
);

it('answers what cannot be decoded as it stands, for the check of ids to refuse', async () => {
  expect(await find('/t/%E0%A4%A')).toBe('%E0%A4%A');
  expect(await find('/t/..%2f..%2fetc')).toBe('../../etc');
});

it('takes the place of :tenant from the pattern, with other parameters before it', async () => {
  expect(await find('/eu/tenants/acme/items', fromPath('/:region/tenants/:tenant/items'))).toBe('acme');
  expect(await find('/acme', fromPath(':tenant'))).toBe('acme');
});

it('reads the address as it was sent, also where a router took off its own part', async () => {
  expect(await resolver.resolve({ headers: {}, url: '/', originalUrl: '/t/acme' })).toBe('acme');
});

it('refuses a pattern without :tenant', () => {
  for (const pattern of ['', '/', '/t', '/t/:id', '/t/tenant', '/t/:tenantId'])
    expect(codeOf(() => fromPath(pattern))).toBe('TENANCY_OPTION_INVALID');
});

it('finds exactly the text that was encoded into the path', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary', minLength: 1 }), fc.webQueryParameters(), async (tenant, query) => {
      const id = tenant.toWellFormed();
      expect(await find(`/t/${encodeURIComponent(id)}/items?${query}`)).toBe(id);
    }),
  );
});
