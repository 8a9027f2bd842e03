import type { ServiceName } from './service-name.js';
import type { TenantId } from './tenant-id.js';

declare const brand: unique symbol;

/** The name of a tenant schema, and of the tenant role that may use it: `<tenantId>_<service>`, at most 63 bytes. */
export type SchemaName = string & { readonly [brand]: 'SchemaName' };

/** The tenant role has the name of its schema. */
export type RoleName = SchemaName;

/** Names the schema of one service in one tenant. Injective: no two pairs share a name. */
export function schemaNameOf(tenant: TenantId, service: ServiceName): SchemaName {
  return `${tenant}_${service}` as SchemaName;
}
