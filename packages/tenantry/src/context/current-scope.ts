import { AsyncLocalStorage } from 'node:async_hooks';
import { TenancyError } from '../errors/tenancy-error.js';
import { type Scope, scopeKey, type TenantScope } from './scope.js';
import { ScopeCell } from './scope-cell.js';

const storage = new AsyncLocalStorage<ScopeCell>();

/** Runs code with the given cell; the former one is back when it ends, also by a throw. */
export function runInCell<T>(cell: ScopeCell, fn: () => T): T {
  return storage.run(cell, fn);
}

/** Runs code in a scope of its own. */
export function runInScope<T>(scope: Scope, fn: () => T): T {
  return storage.run(new ScopeCell(scope), fn);
}

/** The cell of this async execution, if any. */
export function currentCell(): ScopeCell | undefined {
  return storage.getStore();
}

/** The scope of this async execution, if any. */
export function currentScope(): Scope | undefined {
  return storage.getStore()?.scope;
}

/**
 * The tenant scope of this async execution.
 *
 * @param what - What needs it, for the error: the beginning of a sentence.
 * @throws TenancyError `TENANCY_SCOPE_MISSING` or `TENANCY_SCOPE_NOT_TENANT`.
 */
export function requireTenantScope(what: string): TenantScope {
  const scope = currentScope();
  if (scope?.kind === 'tenant') return scope;
  throw new TenancyError(scope ? 'TENANCY_SCOPE_NOT_TENANT' : 'TENANCY_SCOPE_MISSING', {
    what,
    scope: scopeKey(scope),
  });
}
