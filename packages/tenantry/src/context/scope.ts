import type { Placement, Tenant } from '../tenant/tenant.js';

/** Code in this scope sees one tenant's data of one service, and nothing else. */
export interface TenantScope {
  readonly kind: 'tenant';
  readonly tenant: Tenant;
  readonly placement: Placement;
}

/** Code in this scope sees the catalog and shared tables, and no tenant's data. */
export interface CatalogScope {
  readonly kind: 'catalog';
}

/** What code runs as. */
export type Scope = TenantScope | CatalogScope;

/** The one catalog scope. */
export const catalogScope: CatalogScope = Object.freeze({ kind: 'catalog' });

/**
 * The catalog scope for the library's own look-ups. They run as the login that serves, without a switch of the role:
 * after every new tenant such a switch makes PostgreSQL count all memberships of the login again, one for each tenant.
 */
export const lookupScope: CatalogScope = Object.freeze({ kind: 'catalog' });

/** A scope's identity as text: two scopes are the same when their keys are. */
export function scopeKey(scope: Scope | undefined): string {
  if (scope === undefined) return 'none';
  return scope.kind === 'tenant' ? scope.placement.schema : 'catalog';
}
