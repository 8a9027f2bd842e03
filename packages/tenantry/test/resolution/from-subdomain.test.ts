import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fromSubdomain } from '../../src/resolution/from-subdomain.js';
import { ask, codeOf } from './ask.js';

const resolver = fromSubdomain('Example.com');

it.each([
  ['acme.example.com', 'acme'],
  ['acme.example.com:3000', 'acme'],
  ['ACME.EXAMPLE.COM', 'acme'],
  ['acme.example.com.', 'acme'],
])('reads the tenant from %s', async (host, tenant) => {
  expect(await ask(resolver, { host })).toBe(tenant);
});

it.each([
  'example.com',
  'example.com:3000',
  'www.acme.example.com',
  'acme.example.com.evil.org',
  'evilexample.com',
  'example.org',
  'localhost',
  '[::1]:3000',
  '127.0.0.1',
  '',
])('finds no tenant in %s', async (host) => {
  expect(await ask(resolver, { host })).toBeUndefined();
});

it('finds no tenant where there is no host', async () => {
  expect(await ask(resolver, {})).toBeUndefined();
});

it('believes no header that a client may add', async () => {
  expect(
    await ask(resolver, {
      host: 'acme.example.com',
      'x-forwarded-host': 'globex.example.com',
      forwarded: 'host=globex.example.com',
    }),
  ).toBe('acme');
});

it('refuses a domain that is none, which would make every host a tenant', () => {
  for (const domain of ['', '.', '.com', 'example.com.', 'https://example.com', 'example.com/x', 'a b']) {
    expect(codeOf(() => fromSubdomain(domain))).toBe('TENANCY_OPTION_INVALID');
  }
});

it('answers one label of a host below the domain, and nothing of any other host', async () => {
  await fc.assert(
    fc.asyncProperty(fc.domain(), fc.domain(), async (host, domain) => {
      const below = host.toLowerCase().endsWith(`.${domain.toLowerCase()}`);
      const found = await ask(fromSubdomain(domain), { host });
      if (found !== undefined) expect(below && !found.includes('.')).toBe(true);
      const label = host.split('.')[0] ?? '';
      expect(await ask(fromSubdomain(domain), { host: `${label}.${domain}` })).toBe(label.toLowerCase());
    }),
  );
});
