import type { Querier } from '../../postgres/querier.js';
import type { JsonObject } from './operation-step.js';

/** What happened to a tenant, before it has a number and a time. */
export interface EventDraft {
  /** Such as `tenant.archived`. */
  readonly type: string;
  readonly tenant: string | null;
  readonly operation?: number | undefined;
  readonly data?: JsonObject;
}

/** Writes an event; it is told to subscribers when the transaction commits. */
export async function writeEvent(client: Querier, { type, tenant, operation, data = {} }: EventDraft): Promise<void> {
  await client.query('insert into tenantry.event (type, tenant_id, operation_id, data) values ($1, $2, $3, $4)', [
    type,
    tenant,
    operation ?? null,
    JSON.stringify(data),
  ]);
}
