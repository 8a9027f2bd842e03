import { expect, it } from 'vitest';
import { admitTenant } from '../../src/catalog/admit-tenant.js';
import type { TenantEntry } from '../../src/catalog/catalog.js';
import type { TenantStatus } from '../../src/tenant/tenant.js';
import { parseTenantId } from '../../src/tenant/tenant-id.js';

const entry = (status: TenantStatus): TenantEntry => ({
  tenant: { id: parseTenantId('acme'), name: 'Acme', status },
  placement: undefined,
  head: null,
});

it('lets an active tenant in, provisioned or not', () => {
  const active = entry('active');
  expect(admitTenant('acme', active)).toBe(active);
});

it.each([
  [undefined, 'TENANCY_TENANT_UNKNOWN'],
  ['suspended', 'TENANCY_TENANT_SUSPENDED'],
  ['archived', 'TENANCY_TENANT_ARCHIVED'],
  // Whoever is deleted is nobody any more.
  ['deleted', 'TENANCY_TENANT_UNKNOWN'],
] as const)('refuses who is %s: %s', (status, code) => {
  const cause = new Error('the schema is gone');
  const admit = () => admitTenant('acme', status && entry(status), { cause });
  expect(admit).toThrow(expect.objectContaining({ code, fields: { tenant: 'acme' }, cause }));
});
