import fc from 'fast-check';
import { expect, it } from 'vitest';
import { errorCodes, type TenancyErrorCode } from '../../src/errors/error-codes.js';
import type { ErrorDescription } from '../../src/errors/error-description.js';
import { type ErrorFields, TenancyError } from '../../src/errors/tenancy-error.js';

const table = Object.entries<ErrorDescription>(errorCodes);
const fieldsOf = (sentence: string) => [...sentence.matchAll(/\{(\w+)\}/g)].map(([, field]) => field);

it.each(table)('tells the caller of %s one sentence that names nothing inside', (_, { title, detail }) => {
  expect(detail).toMatch(/^[A-Z][^.!?\n]{15,}\.$/);
  expect(`${title} ${detail}`).not.toMatch(/schema|\brole|\bSQL|statement|postgres|catalog|ledger|DATABASE_|@|`|"/i);
});

it.each(table)('shows the caller of %s only facts that are our own words', (_, { detail }) => {
  expect(fieldsOf(detail).filter((field) => !['expected', 'rule'].includes(String(field)))).toEqual([]);
});

it.each(table)('tells the operator of %s more than the caller', (_, { detail, operator }) => {
  expect(operator).toMatch(/^\S.+[.}]$/);
  expect(operator.length).toBeGreaterThan(20);
  if (!fieldsOf(operator).length) expect(operator.length).toBeGreaterThanOrEqual(detail.length);
});

it.each(table)('gives %s a status, and Retry-After only where trying again can help', (_, { status, retryAfter }) => {
  expect([400, 401, 403, 404, 409, 429, 500, 503]).toContain(status);
  if (retryAfter !== undefined) expect([429, 503]).toContain(status);
});

it('never puts a field for the operator into what the caller reads, whatever the fields hold', () => {
  const fields = [
    'tenant',
    'schema',
    'role',
    'scope',
    'other',
    'reason',
    'what',
    'remedy',
    'service',
    'migration',
    'option',
    'entity',
    'max',
    'version',
    'known',
  ];
  fc.assert(
    fc.property(fc.constantFrom(...(Object.keys(errorCodes) as TenancyErrorCode[])), fc.uuid(), (code, secret) => {
      const error = new TenancyError(
        code,
        Object.fromEntries(fields.map((field) => [field, secret])) as ErrorFields<typeof code>,
      );
      expect(error.title + error.detail).not.toContain(secret);
      expect(error.message).toBe(error.operatorMessage);
      expect(error.message).not.toMatch(/\{(tenant|schema|scope)\}/);
    }),
  );
});

it('keeps what a field holds as it is: it fills no other field and no pattern', () => {
  const error = new TenancyError('TENANCY_TENANT_UNKNOWN', { tenant: '{service} $& $1' });
  expect(error.message).toContain('"{service} $& $1"');
});

it('says "unknown" for a fact that JavaScript did not give', () => {
  // @ts-expect-error: TypeScript asks for it.
  expect(new TenancyError('TENANCY_TENANT_UNKNOWN').message).toContain('"unknown"');
});

it('keeps the cause for the log', () => {
  const cause = new Error('why');
  expect(new TenancyError('TENANCY_CONFLICT', { reason: 'x' }, { cause }).cause).toBe(cause);
});
