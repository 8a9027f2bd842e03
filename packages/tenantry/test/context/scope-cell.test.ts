import { describe, expect, it } from 'vitest';
import { catalogScope, lookupScope, type TenantScope } from '../../src/context/scope.js';
import { ScopeCell } from '../../src/context/scope-cell.js';

const tenant = (id: string, service = 'shop') => {
  const schema = `${id}_${service}`;
  return {
    kind: 'tenant',
    tenant: { id, name: id, status: 'active' },
    placement: { service, database: 'd', schema, role: schema },
  } as unknown as TenantScope;
};
const [acme, globex] = [tenant('acme'), tenant('globex')];
const bound = (scope: string) => expect.objectContaining({ code: 'TENANCY_SCOPE_BOUND', fields: { scope } }) as Error;

describe('a cell', () => {
  it('takes the one scope that it is bound to, and refuses every other', () => {
    const cell = new ScopeCell();
    expect(cell.scope).toBeUndefined();
    cell.bind(acme);
    for (const other of [globex, tenant('acme', 'stock'), catalogScope, lookupScope])
      expect(() => cell.bind(other)).toThrow(bound('acme_shop'));
    expect(cell.scope).toBe(acme);
  });

  it('may be bound to the same tenant again, and keeps what it had', () => {
    const cell = new ScopeCell();
    cell.bind(acme);
    const again = tenant('acme');
    cell.bind(again);
    expect(cell.scope).toBe(acme);
  });

  it('refuses a tenant where it was made with another, or has left for the catalog', () => {
    expect(() => new ScopeCell(acme).bind(globex)).toThrow(bound('acme_shop'));
    const cell = new ScopeCell(acme);
    cell.bindCatalog();
    expect(cell.scope).toBe(catalogScope);
    for (const scope of [acme, globex]) expect(() => cell.bind(scope)).toThrow(bound('catalog'));
    expect(cell.scope).toBe(catalogScope);
  });
});

it('takes nothing along into the catalog from before its scope was known', () => {
  const cell = new ScopeCell();
  const owner = {};
  const before = cell.belonging(owner, () => ({}));
  cell.bindCatalog();
  expect(cell.belonging(owner, () => ({}))).not.toBe(before);
});
