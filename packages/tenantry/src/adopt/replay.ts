import { TenancyError } from '../errors/tenancy-error.js';
import { mayPass, retrying } from '../postgres/contention.js';
import { sendFlight } from '../postgres/flight.js';
import { one } from '../postgres/one.js';
import { sqlstateOf } from '../postgres/sqlstate.js';
import { onConnection } from '../postgres/transaction.js';
import { translateError } from '../postgres/translate-error.js';
import { addTenants } from './begin-adoption.js';
import type { AdoptionContext } from './adoption-context.js';
import { readTenants } from './adoption-store.js';
import { type AdoptionTenant, copyAgain } from './copy-sql.js';
import { copyAll, provisionTenants, reasonOf } from './copy-tenants.js';
import { inParallel } from './in-parallel.js';
import { decideTenants } from './decide-tenants.js';
import { carryOver, countStrays, forget, spreadChanges } from './replay-sql.js';
import { open, within } from './session.js';
import { readTenantRows } from './survey.js';
import { tenantBatches } from './tenant-batches.js';

/**
 * Makes the planner read the changed keys first and then look these up in the large tables, which it would scan
 * otherwise.
 */
export const byKey = { text: "select set_config('enable_seqscan', 'off', true)" };

/**
 * Rows in the table with the tenants that came since the adoption began: they become tenants like the others.
 *
 * @returns How many.
 */
export async function adoptNewTenants(context: AdoptionContext): Promise<number> {
  const { owner, id, layout, emit } = context;
  const rows = await within(owner, 'read committed', (client) => readTenantRows(client, layout, id));
  if (rows.length === 0) return 0;
  const { tenants, unfit } = decideTenants(rows, layout.tenants.idPrefix);
  const [first] = unfit;
  if (first) {
    const reason = `the new tenant "${first.sourceId}" ${first.reason}`;
    throw new TenancyError('TENANCY_ADOPTION_UNFIT', { reason });
  }
  emit({ type: 'note', words: `${tenants.length} new tenants signed up during the adoption` });
  await within(owner, 'read committed', (client) => addTenants(client, id, tenants, new Map()));
  const failed = (await provisionTenants(context)) + (await copyAll(context, 'index'));
  if (failed > 0)
    throw new TenancyError('TENANCY_ADOPTION_FAILED', {
      tenant: tenants[0]?.tenant ?? '',
      reason: 'it is new and could not be copied',
    });
  return tenants.length;
}

/** Changes that wait to be carried over, or back. */
export async function countChanges(
  { owner, id }: Pick<AdoptionContext, 'owner' | 'id'>,
  back: boolean,
): Promise<number> {
  const { rows } = await owner.query<{ n: number }>(
    'select count(*)::int as n from tenantry.adoption_change where adoption_id = $1 and back = $2',
    [id, back],
  );
  return one(rows, 'select count(*) from tenantry.adoption_change').n;
}

/** A tenant with changes, and the parts that they are in. */
interface ChangedTenant extends AdoptionTenant {
  readonly parts: readonly number[];
}

export async function readChanged(
  { owner, id }: Pick<AdoptionContext, 'owner' | 'id'>,
  back: boolean,
): Promise<ChangedTenant[]> {
  const tenants = await readTenants(
    owner,
    id,
    `a.copied and a.source_id in (select c.source_id from tenantry.adoption_change c where c.adoption_id = a.adoption_id and c.back = ${back})`,
  );
  const { rows } = await owner.query<{ sourceId: string; parts: number[] }>(
    `select source_id as "sourceId", array_agg(distinct part) as parts from tenantry.adoption_change
      where adoption_id = $1 and back = $2 group by 1`,
    [id, back],
  );
  const parts = new Map(rows.map((row) => [row.sourceId, row.parts]));
  return tenants.map((tenant) => ({ ...tenant, parts: parts.get(tenant.sourceId) ?? [] }));
}

/**
 * Makes one pass: carries over into the tenant schemas what has changed so far. Each tenant's part is one transaction
 * with one snapshot, and what was carried over is forgotten in it.
 *
 * @returns How many changes waited, and the tenants that they were of.
 * @throws TenancyError `TENANCY_ADOPTION_STRAYS`, `TENANCY_ADOPTION_FAILED`.
 */
export async function replayOnce(
  context: AdoptionContext,
): Promise<{ changes: number; tenants: readonly AdoptionTenant[] }> {
  const { owner, id, layout, concurrency, emit } = context;
  const changes = await countChanges(context, false);
  if (changes === 0) return { changes, tenants: [] };
  // The table grows and is emptied faster than autovacuum looks at it, and the planner goes by its size.
  await owner.query('analyze tenantry.adoption_change');
  await retrying(() =>
    within(owner, 'repeatable read', async (client) => {
      await client.query(byKey);
      for (const text of spreadChanges(id, layout)) await client.query(text);
    }),
  );
  await refuseStrays(context);
  const tenants = await readChanged(context, false);
  emit({ type: 'phase', phase: 'replay', total: tenants.length });
  let done = 0;
  await inParallel(tenantBatches(tenants, layout), concurrency, async (batch) => {
    await carry(context, batch);
    done += batch.length;
    emit({ type: 'progress', phase: 'replay', done, total: tenants.length });
  });
  return { changes, tenants };
}

async function carry(context: AdoptionContext, batch: readonly ChangedTenant[]): Promise<void> {
  try {
    await retrying(() =>
      send(
        context,
        batch.flatMap((tenant) => carryOver(context.id, context.layout, tenant, new Set(tenant.parts))),
      ),
    );
  } catch (error) {
    if (!isOfRows(error)) throw error;
    for (const tenant of batch) await carryAlone(context, tenant);
  }
}

/**
 * A tenant whose changes a constraint refused. First with all tables, because a row that others refer to may have come
 * a moment after the look at what changed. Then the whole tenant is copied anew, because two rows that swapped a unique
 * value can follow in no order.
 */
async function carryAlone(context: AdoptionContext, tenant: AdoptionTenant): Promise<void> {
  const { id, layout } = context;
  const all = new Set(layout.parts.map(({ number }) => number));
  try {
    await retrying(() => send(context, carryOver(id, layout, tenant, all)));
  } catch (error) {
    if (!isOfRows(error)) throw error;
    const again = [...copyAgain(layout, tenant), forget(id, tenant.sourceId, all, false)];
    await retrying(() => send(context, again, false)).catch((failure: unknown) => {
      if (!isOfRows(failure)) throw failure;
      throw new TenancyError(
        'TENANCY_ADOPTION_FAILED',
        { tenant: tenant.tenant, reason: reasonOf(failure) },
        { cause: failure },
      );
    });
  }
}

/** SQLSTATE class 23: a constraint was violated. */
const isOfRows = (error: unknown) => sqlstateOf(error)?.startsWith('23') ?? false;

export async function send(
  { owner }: Pick<AdoptionContext, 'owner'>,
  texts: readonly string[],
  keyed = true,
): Promise<void> {
  const statements = [
    ...open('repeatable read'),
    ...(keyed ? [byKey] : []),
    { text: 'set constraints all deferred' },
    ...texts.map((text) => ({ text })),
    { text: 'commit' },
  ];
  await onConnection(owner, (client) => sendFlight(client, statements)).catch((error: unknown) => {
    throw mayPass(error) ? error : (translateUnavailable(error) ?? error);
  });
}

function translateUnavailable(error: unknown): TenancyError | undefined {
  const known = translateError(error);
  return known?.code === 'TENANCY_DATABASE_UNAVAILABLE' ? known : undefined;
}

/** Changes of rows that belong to nobody are forgotten where that was allowed, and otherwise stop the adoption. */
async function refuseStrays({ owner, id, layout }: AdoptionContext): Promise<void> {
  await within(owner, 'repeatable read', async (client) => {
    await client.query(byKey);
    for (const part of layout.parts.filter(({ orphans }) => orphans === 'refuse')) {
      const { rows } = await client.query<{ n: number }>(countStrays(id, layout, part));
      const { n } = one(rows, `select count(*) … for ${part.table}`);
      if (n > 0) throw new TenancyError('TENANCY_ADOPTION_STRAYS', { table: part.table, rows: n });
    }
    await client.query(
      `delete from tenantry.adoption_change c where adoption_id = $1 and not back
          and not exists (select from tenantry.adoption_tenant a where a.adoption_id = c.adoption_id and a.source_id = c.source_id)`,
      [id],
    );
  });
}
