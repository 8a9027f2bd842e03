import fc from 'fast-check';
import { expect, it } from 'vitest';
import { allOf } from '../../src/resolution/all-of.js';
import { firstOf } from '../../src/resolution/first-of.js';
import { fromHeader } from '../../src/resolution/from-header.js';
import { fromSubdomain } from '../../src/resolution/from-subdomain.js';
import { fromRequest, type TenantResolver } from '../../src/resolution/tenant-resolver.js';
import { ask, codeOf } from './ask.js';

const header = fromHeader();
const host = fromSubdomain('example.com');
const acmeHost = { host: 'acme.example.com' };

it('takes a resolver of your own, also one that answers later', async () => {
  const own = fromRequest(async ({ headers }) => headers['x-api-key']?.toString().split('.')[0], 'an API key');
  expect(await ask(own, { 'x-api-key': 'acme.secret' })).toBe('acme');
  expect(await ask(own, {})).toBeUndefined();
  expect(own.expected).toBe('an API key');
});

it('lets the first of several decide that finds a tenant', async () => {
  expect(await ask(firstOf(header, host), { ...acmeHost, 'x-client': 'globex' })).toBe('globex');
  expect(await ask(firstOf(host, header), { ...acmeHost, 'x-client': 'globex' })).toBe('acme');
  expect(await ask(firstOf(header, host), acmeHost)).toBe('acme');
  expect(await ask(firstOf(header, host), {})).toBeUndefined();
  expect(firstOf(header, host).expected).toBe('the header x-client or a host below example.com');
});

it('ends the search at an error: what one refuses, the next may not allow', async () => {
  expect(await ask(firstOf(header, host), { ...acmeHost, 'x-client': 'a, b' })).toBe('TENANCY_TENANT_AMBIGUOUS');
});

it('asks nobody after the first that found a tenant', async () => {
  const never = fromRequest(() => {
    throw new Error('asked');
  }, 'nothing');
  expect(await ask(firstOf(header, never), { 'x-client': 'acme' })).toBe('acme');
});

it('takes a tenant on which all agree', async () => {
  const both = allOf(host, header);
  expect(await ask(both, { ...acmeHost, 'x-client': 'acme' })).toBe('acme');
  expect(await ask(both, { ...acmeHost, 'x-client': 'globex' })).toBe('TENANCY_TENANT_MISMATCH');
  expect(both.expected).toBe('a host below example.com and the header x-client');
});

it('finds none while one of all finds none', async () => {
  for (const headers of [acmeHost, { 'x-client': 'acme' }, {}])
    expect(await ask(allOf(host, header), headers)).toBeUndefined();
});

it('lets the header be left out, but never contradict, with both combined', async () => {
  const resolver = firstOf(allOf(host, header), host);
  expect(await ask(resolver, acmeHost)).toBe('acme');
  expect(await ask(resolver, { ...acmeHost, 'x-client': 'acme' })).toBe('acme');
  expect(await ask(resolver, { ...acmeHost, 'x-client': 'globex' })).toBe('TENANCY_TENANT_MISMATCH');
  expect(await ask(resolver, { 'x-client': 'acme' })).toBeUndefined();
});

it('refuses to combine nothing', () => {
  expect(codeOf(() => firstOf())).toBe('TENANCY_OPTION_INVALID');
  expect(codeOf(() => allOf())).toBe('TENANCY_OPTION_INVALID');
});

it('answers what the rule says for any findings', async () => {
  const finding = fc.array(fc.option(fc.constantFrom('a', 'b'), { nil: undefined }), { minLength: 1, maxLength: 5 });
  const resolvers = (found: (string | undefined)[]): TenantResolver[] =>
    found.map((tenant, index) => fromRequest(() => tenant, `${index}`));
  await fc.assert(
    fc.asyncProperty(finding, async (found) => {
      expect(await ask(firstOf(...resolvers(found)), {})).toBe(found.find((tenant) => tenant !== undefined));
      const agreed = new Set(found).size === 1 ? found[0] : 'TENANCY_TENANT_MISMATCH';
      expect(await ask(allOf(...resolvers(found)), {})).toBe(found.includes(undefined) ? undefined : agreed);
    }),
  );
});
