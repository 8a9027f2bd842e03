import { helper, Reference, Utils } from '@mikro-orm/core';
import { currentScope } from '../../context/current-scope.js';
import { scopeKey } from '../../context/scope.js';
import { TenancyError } from '../../errors/tenancy-error.js';

/** How deep values are looked through: as deep as a condition or the data of an entity with embedded ones goes. */
const depthMax = 6;

/**
 * Refuses an entity of another tenant, also inside a condition or data: ids collide between tenants, so its id would be
 * taken for that of an entity of this one.
 *
 * @throws TenancyError `TENANCY_SCOPE_MISMATCH`, or `TENANCY_SCOPE_MISSING` outside any scope.
 */
export function refuseForeignIn(value: unknown, depth = 0): void {
  if (typeof value !== 'object' || value === null || depth > depthMax) return;
  if (Array.isArray(value)) for (const item of value) refuseForeignIn(item, depth + 1);
  else if (Utils.isEntity<object>(value, true)) refuseForeign(Reference.unwrapReference(value));
  else if (Utils.isPlainObject(value)) for (const item of Object.values(value)) refuseForeignIn(item, depth + 1);
}

/** The same for one entity. */
export function refuseForeign(entity: object): void {
  const { __meta, __schema } = helper(entity);
  if (__meta.schema !== '*' || __schema === undefined) return;
  const scope = currentScope();
  if (scopeKey(scope) === __schema) return;
  const fields = { what: `The entity "${__meta.className}"`, other: __schema, scope: scopeKey(scope) };
  throw new TenancyError(scope ? 'TENANCY_SCOPE_MISMATCH' : 'TENANCY_SCOPE_MISSING', fields);
}
