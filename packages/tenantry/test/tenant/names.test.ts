import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { schemaNameOf } from '../../src/tenant/schema-name.js';
import { parseServiceName, serviceNameLengthMax } from '../../src/tenant/service-name.js';
import { parseTenantId, tenantIdLengthMax, whyNotTenantId } from '../../src/tenant/tenant-id.js';
import { checkTenantName } from '../../src/tenant/tenant-name.js';
import { tenantStatuses } from '../../src/tenant/tenant.js';

const bytes = (text: string) => Buffer.byteLength(text);
const tenantIds = fc
  .stringMatching(/^[a-z0-9](?:[a-z0-9_-]{0,38}[a-z0-9])?$/)
  .filter((id) => whyNotTenantId(id) === undefined);
const serviceNames = fc.stringMatching(/^[a-z][a-z0-9]{0,21}$/);

describe('a tenant id', () => {
  it.each([
    'a',
    '7',
    'ab',
    'a-b',
    'a_b',
    'a--b',
    '0-9',
    'publics',
    'xpublic',
    'pgx',
    'my_pg_x',
    'template2',
    'xtemplate0',
    'nones',
    'a'.repeat(40),
  ])('may be %s', (id) => {
    expect(whyNotTenantId(id)).toBeUndefined();
    expect(parseTenantId(id)).toBe(id);
  });

  it.each([
    ['', 'is not empty'],
    ['a'.repeat(41), 'has at most 40 characters'],
    ...['A', 'a.b', 'a b', 'é', 'a"b', "a'b", 'a;b', 'a/b', '-a', 'a-', '_a', 'a_', '-', 'a\n', '\na', 'a\0'].map(
      (id) => [id, 'has only lower-case letters, digits, "-" and "_", and starts and ends with a letter or digit'],
    ),
    ...[
      'pg',
      'pg_x',
      'pg_catalog',
      'public',
      'none',
      'information',
      'information_schema',
      'tenantry',
      'postgres',
      'template0',
      'template1',
    ].map((id) => [id, 'is not a name that PostgreSQL or Tenantry keeps for itself']),
  ])('may not be %j', (id = '', rule) => {
    expect(whyNotTenantId(id)).toBe(rule);
    expect(() => parseTenantId(id)).toThrow(
      expect.objectContaining({ code: 'TENANCY_TENANT_ID_INVALID', fields: { rule } }),
    );
  });

  it('is in bytes as long as in characters, so that a schema’s name is never cut', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        if (whyNotTenantId(text) === undefined) expect(bytes(text)).toBeLessThanOrEqual(tenantIdLengthMax);
      }),
    );
  });
});

describe('a service name', () => {
  it.each(['a', 'shop', 'shop2', 'a'.repeat(22)])('may be %s', (name) => {
    expect(parseServiceName(name)).toBe(name);
  });

  it.each(['', '2shop', 'Shop', 'shop_a', 'shop-a', 'shop a', 'shop\n', ' shop', 'é', 'a'.repeat(23)])(
    'may not be %j',
    (name) => {
      const reason = `a service name has 1 to ${serviceNameLengthMax} lower-case letters and digits and starts with a letter`;
      expect(() => parseServiceName(name)).toThrow(
        expect.objectContaining({ code: 'TENANCY_OPTION_INVALID', fields: { option: 'service', reason } }),
      );
    },
  );
});

describe('a schema’s name', () => {
  it('is that of one tenant and one service only, and fits into PostgreSQL’s 63 bytes', () => {
    expect(schemaNameOf(parseTenantId('acme'), parseServiceName('shop'))).toBe('acme_shop');
    const named = (tenant: string, service: string) => schemaNameOf(parseTenantId(tenant), parseServiceName(service));
    fc.assert(
      fc.property(tenantIds, serviceNames, tenantIds, serviceNames, (t1, s1, t2, s2) => {
        expect(bytes(named(t1, s1))).toBeLessThanOrEqual(63);
        expect(named(t1, s1) === named(t2, s2)).toBe(t1 === t2 && s1 === s2);
      }),
    );
  });
});

describe('a tenant’s name', () => {
  it.each(['A', 'Ärzte & Söhne GmbH', '株式会社', '😀'.repeat(200), ' ', 'x'.repeat(200)])('may be %s', (name) => {
    expect(checkTenantName(name)).toBe(name);
  });

  it.each(['', 'x'.repeat(201), '😀'.repeat(201), 'a\nb', 'a\0', '\u007f', '\u0085'])('may not be %j', (name) => {
    expect(() => checkTenantName(name)).toThrow(expect.objectContaining({ code: 'TENANCY_TENANT_NAME_INVALID' }));
  });
});

it('has the statuses that the catalog knows', () => {
  expect(tenantStatuses).toEqual(['active', 'suspended', 'archived', 'deleted']);
});
