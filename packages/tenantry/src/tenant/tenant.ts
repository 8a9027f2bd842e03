import type { RoleName, SchemaName } from './schema-name.js';
import type { ServiceName } from './service-name.js';
import type { TenantId } from './tenant-id.js';

/**
 * What a tenant may do now: `active` is served; `suspended` and `archived` are refused with 403; `deleted` stopped being
 * a tenant (404), while its schemas stay until they are erased.
 */
export const tenantStatuses = ['active', 'suspended', 'archived', 'deleted'] as const;

/** One of {@link tenantStatuses}. */
export type TenantStatus = (typeof tenantStatuses)[number];

/** The client whose data is isolated. */
export interface Tenant {
  /** Immutable; part of every schema and role name. */
  readonly id: TenantId;
  /** Changeable, for people. */
  readonly name: string;
  readonly status: TenantStatus;
}

/** Where one service's data of one tenant lives. Today every answer names the one database that the process is connected to. */
export interface Placement {
  readonly service: ServiceName;
  readonly database: string;
  readonly schema: SchemaName;
  readonly role: RoleName;
}
