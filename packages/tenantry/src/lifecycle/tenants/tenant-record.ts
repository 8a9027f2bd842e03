import type { Tenant } from '../../tenant/tenant.js';
import type { TenantEvent } from '../events/tenant-event.js';
import type { OperationRecord } from '../operations/operation-record.js';

/** A tenant as operators see it. */
export interface TenantRecord extends Tenant {
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: Date;
  /** When a deleted tenant is erased; `null` for every other, and for one that was deleted only. */
  readonly eraseAfter: Date | null;
}

/** One service's schema of a tenant. */
export interface TenantSchemaRecord {
  readonly service: string;
  readonly schema: string;
  readonly head: string | null;
  /** Taken down on purpose; only a rollout brings it to head again. */
  readonly held: boolean;
}

/** Everything that the catalog knows of one tenant. */
export interface TenantDetails extends TenantRecord {
  readonly schemas: readonly TenantSchemaRecord[];
  /** The newest first, at most 10; one that is unfinished is among them. */
  readonly operations: readonly OperationRecord[];
  /** The newest first, at most 20. */
  readonly events: readonly TenantEvent[];
}
