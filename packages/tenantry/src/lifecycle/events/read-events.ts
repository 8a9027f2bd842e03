import { one } from '../../postgres/one.js';
import type { Querier } from '../../postgres/querier.js';
import type { TenantEvent } from './tenant-event.js';

const columns = 'id::text as id, type, tenant_id as tenant, operation_id as operation, data, at';

/** Events, the newest first: of one tenant, or of all. */
export async function readEvents(
  client: Querier,
  { tenant, limit = 100 }: { readonly tenant?: string | undefined; readonly limit?: number | undefined } = {},
): Promise<TenantEvent[]> {
  const { rows } = await client.query<TenantEvent>(
    `select ${columns} from tenantry.event e where ($1::text is null or tenant_id = $1) order by e.id desc limit $2`,
    [tenant ?? null, Math.min(Math.max(1, limit), 1000)],
  );
  return rows;
}

/** Certain events, the oldest first. */
export async function readEventsById(client: Querier, ids: readonly string[]): Promise<TenantEvent[]> {
  const { rows } = await client.query<TenantEvent>(
    `select ${columns} from tenantry.event e where id = any($1::bigint[]) order by e.id`,
    [ids],
  );
  return rows;
}

/** Events after one, the oldest first. */
export async function readEventsAfter(client: Querier, after: bigint, limit: number): Promise<TenantEvent[]> {
  const { rows } = await client.query<TenantEvent>(
    `select ${columns} from tenantry.event e where id > $1 order by e.id limit $2`,
    [`${after}`, limit],
  );
  return rows;
}

/** The id of the newest event. */
export async function newestEvent(client: Querier): Promise<bigint> {
  const { rows } = await client.query<{ id: string }>('select coalesce(max(id), 0)::text as id from tenantry.event');
  return BigInt(one(rows, 'select max(id) from tenantry.event').id);
}

/** Most events that the catalog keeps, besides those that say that a tenant was erased. */
const keptMax = 100_000;

/** Deletes the oldest events over the limit. */
export async function pruneEvents(owner: Querier): Promise<void> {
  await owner.query(
    `delete from tenantry.event where type <> 'tenant.erased'
        and id <= (select id from tenantry.event order by id desc offset $1 limit 1)`,
    [keptMax],
  );
}
