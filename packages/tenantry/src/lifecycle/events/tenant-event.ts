import type { JsonObject } from '../operations/operation-step.js';

/** The types of event that a change of a tenant makes. */
export const tenantEventTypes = [
  'tenant.created',
  'tenant.renamed',
  'tenant.suspended',
  'tenant.resumed',
  'tenant.archived',
  'tenant.restored',
  'tenant.deleted',
  'tenant.erased',
  'tenant.exported',
  'tenant.imported',
  'tenant.cloned',
  'operation.started',
  'operation.step',
  'operation.done',
  'operation.failed',
  'operation.step-reverted',
  'operation.reverted',
] as const;

/** One of {@link tenantEventTypes}. */
export type TenantEventType = (typeof tenantEventTypes)[number];

/** Something that happened to a tenant, as the catalog keeps it. */
export interface TenantEvent {
  /** Grows, but not always in the order in which events become visible. */
  readonly id: string;
  readonly type: TenantEventType;
  readonly tenant: string | null;
  /** The operation that it is a part of. */
  readonly operation: number | null;
  readonly data: JsonObject;
  readonly at: Date;
}
