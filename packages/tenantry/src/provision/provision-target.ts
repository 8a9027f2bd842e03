import type { SchemaGrant } from '../isolation/create-schema.js';
import type { ShippedService } from '../migrations/tenant-migration.js';
import type { ServiceName } from '../tenant/service-name.js';
import type { TenantId } from '../tenant/tenant-id.js';

/** What a provisioning is made for. */
export interface ProvisionTarget extends ShippedService, SchemaGrant {
  readonly tenant: TenantId;
  readonly service: ServiceName;
  /** The statements that make a schema at head at once, with placeholders for its names. @default its migrations are replayed */
  readonly template?: readonly string[] | undefined;
}
