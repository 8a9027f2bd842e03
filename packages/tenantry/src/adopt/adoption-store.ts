import { TenancyError } from '../errors/tenancy-error.js';
import { one } from '../postgres/one.js';
import type { Querier } from '../postgres/querier.js';
import type { ServiceName } from '../tenant/service-name.js';
import type { ResolvedAdoptConfig } from './adopt-config.js';
import type { AdoptionTenant } from './copy-sql.js';
import type { Layout } from './layout.js';

/** How far an adoption is. */
export type AdoptionStatus = 'copying' | 'copied' | 'cutover' | 'finishing' | 'finished' | 'aborted';

/** An adoption as the catalog has it. */
export interface AdoptionRecord {
  readonly id: number;
  readonly status: AdoptionStatus;
  readonly config: ResolvedAdoptConfig;
  readonly layout: Layout;
  readonly lockedMs: number | null;
}

/** The adoption of a service that is not over, if there is one. */
export async function findOpen(client: Querier, service: ServiceName): Promise<AdoptionRecord | undefined> {
  const { rows } = await client.query<AdoptionRecord>(
    `select id, status, config, layout, locked_ms as "lockedMs" from tenantry.adoption
      where service = $1 and status not in ('finished', 'aborted')`,
    [service],
  );
  return rows[0];
}

const remedies: Readonly<Record<AdoptionStatus | 'none', string>> = {
  none: 'Begin one with `tenantry adopt run`.',
  copying: 'Run `tenantry adopt run` to its end first.',
  copied: 'The shared tables are in use; `tenantry adopt cutover` turns to the tenant schemas.',
  cutover:
    'The tenant schemas are in use; go back with `tenantry adopt rollback`, or end it with `tenantry adopt finish`.',
  finishing: 'The tenant schemas are in use; run `tenantry adopt finish` to its end.',
  finished: 'It is over.',
  aborted: 'It is over.',
};

/**
 * The open adoption of a service, in one of these states.
 *
 * @throws TenancyError `TENANCY_ADOPTION_STATE`.
 */
export async function requireOpen(
  client: Querier,
  service: ServiceName,
  states: readonly AdoptionStatus[],
  what: string,
): Promise<AdoptionRecord> {
  const found = await findOpen(client, service);
  if (found && states.includes(found.status)) return found;
  throw stateError(service, found?.status ?? 'none', what);
}

export function stateError(service: string, state: AdoptionStatus | 'none', what: string): TenancyError {
  const said = state === 'none' ? 'not begun' : `in the state "${state}"`;
  return new TenancyError('TENANCY_ADOPTION_STATE', { service, state: said, what, remedy: remedies[state] });
}

/**
 * Moves an adoption to another state, if it still has the one that was read. Writers of tenant tables hold its row in
 * share mode, and this waits for them.
 */
export async function moveTo(
  client: Querier,
  { id, status }: Pick<AdoptionRecord, 'id' | 'status'>,
  to: AdoptionStatus,
): Promise<void> {
  const { rowCount } = await client.query(
    'update tenantry.adoption set status = $3, updated_at = now() where id = $1 and status = $2',
    [id, status, to],
  );
  if (rowCount === 1) return;
  const { rows } = await client.query<{ service: string; status: AdoptionStatus }>(
    'select service, status from tenantry.adoption where id = $1',
    [id],
  );
  const { service, status: found } = one(rows, `select … from tenantry.adoption where id = ${id}`);
  throw stateError(service, found, `become "${to}"`);
}

/** Tenants of an adoption, with their schemas. @param condition - SQL over `a`. */
export async function readTenants(client: Querier, adoption: number, condition = 'true'): Promise<AdoptionTenant[]> {
  const { rows } = await client.query<AdoptionTenant>(
    `select a.source_id as "sourceId", a.tenant_id as tenant, a.rows::float8 as rows, a.tenant_id || '_' || o.service as schema
       from tenantry.adoption_tenant a join tenantry.adoption o on o.id = a.adoption_id
      where a.adoption_id = $1 and ${condition} order by a.source_id`,
    [adoption],
  );
  return rows;
}
