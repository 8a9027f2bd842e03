import { TenancyError } from '../errors/tenancy-error.js';
import { retrying } from '../postgres/contention.js';
import { type FlightError, readFlight } from '../postgres/flight.js';
import { sqlstate, sqlstateOf } from '../postgres/sqlstate.js';
import { onConnection } from '../postgres/transaction.js';
import { translateError } from '../postgres/translate-error.js';
import type { TenantId } from '../tenant/tenant-id.js';
import type { AdoptionContext } from './adoption-context.js';
import { readTenants } from './adoption-store.js';
import { type AdoptionTenant, copyTenants, sortedTable, sortPart } from './copy-sql.js';
import { inParallel } from './in-parallel.js';
import { within } from './session.js';
import { tenantBatches } from './tenant-batches.js';

/** Makes the schemas of the adoption's tenants, those that are not there or behind. @returns Tenants that failed. */
export async function provisionTenants(context: AdoptionContext): Promise<number> {
  const { id, service, owner, signal, emit, concurrency } = context;
  const missing = await readTenants(
    owner,
    id,
    `not exists (select from tenantry.tenant_schema x join tenantry.service s on s.name = x.service
                  where x.tenant_id = a.tenant_id and x.service = '${service}' and x.head is not distinct from s.head)`,
  );
  const total = missing.length;
  let [done, failed] = [0, 0];
  if (total > 0) emit({ type: 'phase', phase: 'provision', total });
  await inParallel(
    missing,
    concurrency,
    async ({ tenant }) => {
      try {
        await context.provision(tenant as TenantId);
        emit({ type: 'progress', phase: 'provision', done: ++done, total });
      } catch (error) {
        failed++;
        emit({ type: 'failure', tenant, reason: reasonOf(error) });
      }
    },
    signal,
  );
  return failed;
}

/** Makes sorted copies of the shared tables, all from one moment; once. */
async function sortParts({ id, layout, owner, emit }: AdoptionContext): Promise<void> {
  const { parts } = layout;
  await within(owner, 'repeatable read', async (client) => {
    const last = parts.at(-1);
    const { rows } = await client.query('select where to_regclass($1) is not null', [last && sortedTable(id, last)]);
    if (rows.length > 0) return;
    emit({ type: 'phase', phase: 'sort', total: parts.length });
    for (const [at, part] of parts.entries()) {
      for (const text of sortPart(id, layout, part)) await client.query(text);
      emit({ type: 'progress', phase: 'sort', done: at + 1, total: parts.length });
    }
  });
}

/** Copies every tenant that is not copied yet. @returns Tenants that failed. */
export async function copyAll(context: AdoptionContext, read: 'index' | 'sorted'): Promise<number> {
  const { id, service, layout, owner, signal, concurrency, emit } = context;
  const tenants = await readTenants(
    owner,
    id,
    `not a.copied and exists (select from tenantry.tenant_schema x where x.tenant_id = a.tenant_id and x.service = '${service}')`,
  );
  if (tenants.length === 0) return 0;
  if (read === 'sorted') await sortParts(context);
  const total = tenants.reduce((sum, { rows }) => sum + rows, 0);
  let [done, failed] = [0, 0];
  emit({ type: 'phase', phase: 'copy', total });
  await inParallel(
    tenantBatches(tenants, layout),
    concurrency,
    async (batch) => {
      const results = await copyBatch(context, batch, read);
      for (const { tenant, rows, reason } of results) {
        if (reason === undefined) done += rows;
        else failed++;
        if (reason !== undefined) emit({ type: 'failure', tenant, reason });
      }
      emit({ type: 'progress', phase: 'copy', done, total: Math.max(total, done) });
    },
    signal,
  );
  return failed;
}

interface Copied {
  readonly tenant: string;
  readonly rows: number;
  readonly reason?: string;
}

/** All of a batch; where that fails, each of it alone. */
async function copyBatch(
  context: AdoptionContext,
  batch: readonly AdoptionTenant[],
  read: 'index' | 'sorted',
): Promise<Copied[]> {
  try {
    return await retrying(() => copyOnce(context, batch, read));
  } catch (error) {
    const known = translateError(error);
    if (known?.code === 'TENANCY_DATABASE_UNAVAILABLE') throw known;
    const [only] = batch;
    if (batch.length === 1 && only) return [{ tenant: only.tenant, rows: 0, reason: reasonOf(error) }];
    const each: Copied[] = [];
    for (const tenant of batch) each.push(...(await copyBatch(context, [tenant], read)));
    return each;
  }
}

async function copyOnce(
  { owner, id, layout }: AdoptionContext,
  batch: readonly AdoptionTenant[],
  read: 'index' | 'sorted',
): Promise<Copied[]> {
  const plan = copyTenants(id, layout, batch, read);
  const statements = plan.map(({ statement }) => statement);
  try {
    const results = await onConnection(owner, (client) => readFlight(client, statements));
    return batch.map((tenant) => ({
      tenant: tenant.tenant,
      rows: plan.reduce(
        (sum, { of, copies }, at) => sum + (of === tenant && copies ? (results[at]?.rowCount ?? 0) : 0),
        0,
      ),
    }));
  } catch (error) {
    const of = plan[(error as FlightError).statementIndex ?? -1]?.of;
    if (of && sqlstateOf(error) === sqlstate.divisionByZero)
      throw new TenancyError('TENANCY_ADOPTION_FAILED', {
        tenant: of.tenant,
        reason: 'its tables have rows already, or somebody else copied it',
      });
    throw error;
  }
}

/** Drops the sorted copies. */
export async function dropSorted({
  id,
  layout,
  owner,
}: Pick<AdoptionContext, 'id' | 'layout' | 'owner'>): Promise<void> {
  const names = layout.parts.map((part) => sortedTable(id, part));
  await owner.query(`drop table if exists ${names.join(', ')}`);
}

export function reasonOf(error: unknown): string {
  if (error instanceof TenancyError) return error.operatorMessage;
  const { message, detail } = error as { message?: string; detail?: string };
  return [message ?? String(error), detail].filter(Boolean).join(': ');
}
