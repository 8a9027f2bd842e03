import { one } from '../../postgres/one.js';
import type { Querier } from '../../postgres/querier.js';
import type { TenantId } from '../../tenant/tenant-id.js';
import type { OperationRecord } from './operation-record.js';
import type { JsonObject } from './operation-step.js';
import { writeEvent } from './write-event.js';

/** An operation that is not over, as its runner needs it. */
export type OpenOperation = Pick<OperationRecord, 'id' | 'kind' | 'tenant' | 'params' | 'done' | 'facts'> & {
  readonly status: 'running' | 'reverting' | 'failed';
};

const columns = `id, kind, tenant_id as tenant, params, status, step, done, facts, error,
  started_at as "startedAt", finished_at as "finishedAt"`;

const open = "status in ('running', 'reverting', 'failed')";

/** The unfinished operation of a tenant, if any. */
export async function findOpenOperation(client: Querier, tenant: string): Promise<OpenOperation | undefined> {
  const { rows } = await client.query<OpenOperation>(
    `select id, kind, tenant_id as tenant, params, status, done, facts from tenantry.operation where tenant_id = $1 and ${open}`,
    [tenant],
  );
  return rows[0];
}

/** Records a new operation; in the transaction that checked whether it may be. */
export async function openOperation(
  client: Querier,
  kind: string,
  tenant: TenantId,
  params: JsonObject,
): Promise<OpenOperation> {
  const { rows } = await client.query<OpenOperation>(
    `insert into tenantry.operation (kind, tenant_id, params) values ($1, $2, $3)
     returning id, kind, tenant_id as tenant, params, status, done, facts`,
    [kind, tenant, JSON.stringify(params)],
  );
  const operation = one(rows, 'insert into tenantry.operation');
  await writeEvent(client, { type: 'operation.started', tenant, operation: operation.id, data: { kind, params } });
  return operation;
}

/** Records what a step is at; `completed` and `reverted` in the transaction of its work, where that is one. */
export type StepRecord =
  | { readonly at: 'begun'; readonly step: string }
  | { readonly at: 'completed'; readonly step: string; readonly facts: JsonObject; readonly last: boolean }
  | { readonly at: 'reverted'; readonly step: string; readonly last: boolean };

/**
 * Moves an operation on. Only from the state that its runner believes it to be in: one that lost its lock without noticing
 * changes nothing any more.
 *
 * @throws OperationMoved
 */
export async function recordStep(
  client: Querier,
  operation: OpenOperation,
  record: StepRecord,
): Promise<OpenOperation> {
  const { id, kind, tenant, done, status } = operation;
  const { step } = record;
  const facts = record.at === 'completed' ? record.facts : {};
  const [doneNow, statusNow] = next(operation, record);
  const { rowCount } = await client.query(
    `update tenantry.operation set step = $2, done = $3, status = $4, facts = facts || $5, updated_at = now(),
            error = case when $6 then null else error end,
            finished_at = case when $4 in ('done', 'reverted') then now() end
      where id = $1 and status = $7 and done = $8`,
    [id, step, doneNow, statusNow, JSON.stringify(facts), record.at !== 'reverted', status, done],
  );
  if (rowCount !== 1) throw new OperationMoved(id);
  if (record.at !== 'begun') {
    const about = { tenant, operation: id };
    await writeEvent(client, {
      ...about,
      type: record.at === 'completed' ? 'operation.step' : 'operation.step-reverted',
      data: { kind, step },
    });
    if (record.last) await writeEvent(client, { ...about, type: `operation.${statusNow}`, data: { kind } });
  }
  return {
    ...operation,
    done: doneNow,
    facts: { ...operation.facts, ...facts },
    status: statusNow as OpenOperation['status'],
  };
}

function next({ done }: OpenOperation, record: StepRecord): [readonly string[], string] {
  switch (record.at) {
    case 'begun':
      return [done, 'running'];
    case 'completed':
      return [[...done, record.step], record.last ? 'done' : 'running'];
    default:
      return [done.filter((name) => name !== record.step), record.last ? 'reverted' : 'reverting'];
  }
}

/** Somebody else went on with an operation. */
export class OperationMoved extends Error {
  override readonly name = 'OperationMoved';

  constructor(id: number) {
    super(`Another process went on with operation ${id}; this one lost its connection.`);
  }
}

/** Records that a step failed: what it did is to be taken back now, or the operation waits. */
export async function recordFailure(
  client: Querier,
  operation: OpenOperation,
  { step, reason, status }: { readonly step: string; readonly reason: string; readonly status: 'reverting' | 'failed' },
): Promise<OpenOperation> {
  const { id, kind, tenant } = operation;
  await client.query(
    `with failed as (update tenantry.operation set status = $2, step = $3, error = $4, updated_at = now() where id = $1 returning id)
     insert into tenantry.event (type, tenant_id, operation_id, data) select 'operation.failed', $5, id, $6 from failed`,
    [id, status, step, reason, tenant, JSON.stringify({ kind, step, reason })],
  );
  return { ...operation, status };
}

/** Operations, the newest first: of one tenant, or of all. */
export async function listOperations(
  client: Querier,
  { tenant, id, limit = 100 }: { tenant?: string | undefined; id?: number | undefined; limit?: number } = {},
): Promise<OperationRecord[]> {
  const { rows } = await client.query<OperationRecord>(
    `select ${columns} from tenantry.operation
      where ($1::text is null or tenant_id = $1) and ($2::int is null or id = $2) order by id desc limit $3`,
    [tenant ?? null, id ?? null, limit],
  );
  const busy = await held(
    client,
    rows.filter(({ status }) => status === 'running' || status === 'reverting').map((row) => row.tenant),
  );
  return rows.map((row) =>
    (row.status === 'running' || row.status === 'reverting') && !busy.has(row.tenant)
      ? { ...row, status: 'interrupted' }
      : row,
  );
}

/** Of these tenants, those that somebody works on. */
async function held(client: Querier, tenants: readonly string[]): Promise<Set<string>> {
  if (tenants.length === 0) return new Set();
  const { rows } = await client.query<{ tenant: string }>(
    'select distinct tenant from unnest($1::text[]) tenant where tenantry.operation_is_held(tenant)',
    [tenants],
  );
  return new Set(rows.map(({ tenant }) => tenant));
}
