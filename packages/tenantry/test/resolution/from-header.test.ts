import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fromHeader } from '../../src/resolution/from-header.js';
import { ask } from './ask.js';

it('reads x-client, or the header that was chosen, in any case', async () => {
  expect(await ask(fromHeader(), { 'x-client': 'acme' })).toBe('acme');
  expect(await ask(fromHeader('X-Tenant-Id'), { 'x-tenant-id': 'acme', 'x-client': 'globex' })).toBe('acme');
});

it('finds no tenant where the header is missing, and says which one it expects', async () => {
  expect(await ask(fromHeader(), { host: 'acme.example.com' })).toBeUndefined();
  expect(fromHeader('X-Tenant').expected).toBe('the header x-tenant');
});

it('refuses a header that came twice', async () => {
  expect(await ask(fromHeader(), { 'x-client': 'acme, globex' })).toBe('TENANCY_TENANT_AMBIGUOUS');
  expect(await ask(fromHeader(), { 'x-client': ['acme', 'globex'] })).toBe('TENANCY_TENANT_AMBIGUOUS');
});

it('answers every other value as it stands, or refuses it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary' }), async (value) => {
      const expected = value.includes(',') ? 'TENANCY_TENANT_AMBIGUOUS' : value;
      expect(await ask(fromHeader(), { 'x-client': value })).toBe(expected);
    }),
  );
});
