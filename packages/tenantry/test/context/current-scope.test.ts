import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import {
  currentCell,
  currentScope,
  requireTenantScope,
  runInCell,
  runInScope,
} from '../../src/context/current-scope.js';
import { catalogScope, lookupScope, scopeKey, type TenantScope } from '../../src/context/scope.js';
import { ScopeCell } from '../../src/context/scope-cell.js';
import { schemaNameOf } from '../../src/tenant/schema-name.js';
import { parseServiceName } from '../../src/tenant/service-name.js';
import { parseTenantId } from '../../src/tenant/tenant-id.js';

const service = parseServiceName('shop');
function scopeOf(id: string): TenantScope {
  const tenantId = parseTenantId(id);
  const schema = schemaNameOf(tenantId, service);
  return {
    kind: 'tenant',
    tenant: { id: tenantId, name: id, status: 'active' },
    placement: { service, database: 'any', schema, role: schema },
  };
}
const [acme, globex] = [scopeOf('acme'), scopeOf('globex')];

it('is what code was run in, through every await, and the former one afterwards, also after a throw', async () => {
  expect([currentScope(), currentCell()]).toEqual([undefined, undefined]);
  const cell = new ScopeCell(acme);
  await runInCell(cell, async () => {
    await sleep(1);
    expect(currentCell()).toBe(cell);
    expect(runInScope(globex, () => currentScope())).toBe(globex);
    expect(() =>
      runInScope(globex, () => {
        throw new Error('inside');
      }),
    ).toThrow('inside');
    expect(currentScope()).toBe(acme);
    expect(runInCell(new ScopeCell(), () => currentScope())).toBeUndefined();
  });
  expect(runInCell(cell, () => 'an answer')).toBe('an answer');
  expect(currentScope()).toBeUndefined();
});

it('is required by name: without one, and in the catalog’s', () => {
  expect(runInScope(acme, () => requireTenantScope('A test'))).toBe(acme);
  expect(() => requireTenantScope('A test')).toThrow(
    expect.objectContaining({ code: 'TENANCY_SCOPE_MISSING', fields: { what: 'A test', scope: 'none' } }),
  );
  for (const scope of [catalogScope, lookupScope])
    expect(() => runInScope(scope, () => requireTenantScope('A test'))).toThrow(
      expect.objectContaining({ code: 'TENANCY_SCOPE_NOT_TENANT', fields: { what: 'A test', scope: 'catalog' } }),
    );
});

it('has a key that no other has: its schema, the catalog, or none', () => {
  expect([acme, globex, catalogScope, lookupScope, undefined].map(scopeKey)).toEqual([
    'acme_shop',
    'globex_shop',
    'catalog',
    'catalog',
    'none',
  ]);
  expect([Object.isFrozen(catalogScope), Object.isFrozen(lookupScope), catalogScope === lookupScope]).toEqual([
    true,
    true,
    false,
  ]);
});

it('keeps what belongs to it, each owner’s once, and loses it with the tenant', () => {
  const [orm, other] = [{}, {}];
  const cell = new ScopeCell(acme);
  const made = cell.belonging(orm, () => ({}));
  expect(cell.belonging(orm, () => ({}))).toBe(made);
  expect(cell.belonging(other, () => ({}))).not.toBe(made);
  cell.bindCatalog();
  expect(cell.scope).toBe(catalogScope);
  const inCatalog = cell.belonging(orm, () => ({}));
  expect(inCatalog).not.toBe(made);
  // It is in the catalog already: nothing is left, and nothing lost.
  cell.bindCatalog();
  expect(cell.belonging(orm, () => ({}))).toBe(inCatalog);
});
