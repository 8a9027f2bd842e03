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
 * The catalog scope of the library's own look-ups: as the login that serves, which may read tenants and where they live.
 * To switch the role would make PostgreSQL count the login's memberships again after every new tenant, one per tenant.
 */
export const lookupScope: CatalogScope = Object.freeze({ kind: 'catalog' });

/** A scope's identity as text: two scopes are the same when their keys are. */
export function scopeKey(scope: Scope | undefined): string {
  if (scope === undefined) return 'none';
  return scope.kind === 'tenant' ? scope.placement.schema : 'catalog';
}
