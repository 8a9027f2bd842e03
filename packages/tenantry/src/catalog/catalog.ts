import type { Placement, Tenant, TenantStatus } from '../tenant/tenant.js';
import type { TenantId } from '../tenant/tenant-id.js';

/** A tenant as one service sees it. */
export interface TenantEntry {
  readonly tenant: Tenant;
  /** Where the service's data of this tenant lives; `undefined` until it is provisioned. */
  readonly placement: Placement | undefined;
  /** The newest migration that ran there; `null` when none did. */
  readonly head: string | null;
}

/** Runs one statement; an `EntityManager` is one, and so brings its transaction along. */
export interface SqlExecutor {
  execute(sql: string, params?: unknown[]): Promise<unknown>;
}

/** The catalog of tenants. */
export interface Catalog {
  /** Looks a tenant up, whatever its status. */
  find(id: TenantId): Promise<TenantEntry | undefined>;

  /** Tenants in the order of their ids, at most `limit` (default 100, at most 1000), after the id `after`. */
  list(page?: { after?: TenantId; limit?: number }): Promise<Tenant[]>;

  /**
   * Makes a tenant, active.
   *
   * @param within - An EntityManager in a transaction, to make the tenant together with other rows or not at all.
   * @throws TenancyError `TENANCY_TENANT_ID_INVALID`, `TENANCY_TENANT_NAME_INVALID`, `TENANCY_TENANT_EXISTS`.
   */
  create(tenant: { id: string; name: string }, within?: SqlExecutor): Promise<Tenant>;

  /**
   * Gives a tenant another name.
   *
   * @throws TenancyError `TENANCY_TENANT_UNKNOWN`, `TENANCY_TENANT_NAME_INVALID`.
   */
  rename(id: string, name: string, within?: SqlExecutor): Promise<Tenant>;

  /**
   * Gives a tenant another status. Every process stops or starts serving it within a second.
   *
   * @throws TenancyError `TENANCY_TENANT_UNKNOWN`.
   */
  setStatus(id: string, status: TenantStatus, within?: SqlExecutor): Promise<Tenant>;
}

/** Most tenants that one page of {@link Catalog.list} returns. */
export const pageSizeMax = 1000;
