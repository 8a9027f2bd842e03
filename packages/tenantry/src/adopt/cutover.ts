import { retrying } from '../postgres/contention.js';
import type pg from 'pg';
import { TenancyError } from '../errors/tenancy-error.js';
import { one } from '../postgres/one.js';
import { quoteIdentifier as q } from '../postgres/quote.js';
import type { AdoptionContext } from './adoption-context.js';
import { moveTo, readTenants } from './adoption-store.js';
import { lockShared } from './begin-adoption.js';
import { backFunction, captureTenant, closeShared } from './capture-sql.js';
import type { AdoptionTenant } from './copy-sql.js';
import { inParallel } from './in-parallel.js';
import { ordered } from './layout.js';
import { type LockReport, lockAndMove } from './lock-and-move.js';
import { isOf, tenantTable, withTenant } from './part-sql.js';
import { adoptNewTenants, countChanges, replayOnce, send } from './replay.js';
import { within } from './session.js';
import { areAhead, setSequencesApart, type SequenceBases } from './set-apart-sequences.js';
import { tenantBatches } from './tenant-batches.js';

const passesMax = 30;

/**
 * Turns from the shared tables to the tenant schemas. Everything that can be done before is; then writers wait while the last
 * changes are carried over, and from the commit on the shared tables refuse changes.
 *
 * @throws TenancyError `TENANCY_ADOPTION_BUSY`, `TENANCY_ADOPTION_STRAYS`, `TENANCY_ADOPTION_FAILED`.
 */
export async function cutOver(context: AdoptionContext, lockMaxMs: number): Promise<LockReport> {
  const { layout, id } = context;
  let bases: SequenceBases = new Map();
  const report = await lockAndMove(context, lockMaxMs, {
    before: async () => {
      await catchUp(context, lockMaxMs / 4);
      await prepareTenants(context);
      bases = await setSequencesApart(context);
      await catchUp(context, lockMaxMs / 4);
    },
    lock: async (client) => {
      const { schema, table } = layout.tenants;
      await client.query(lockShared(layout, [`${q(schema)}.${q(table)}`]));
    },
    work: async (client, overdue) => {
      const unprepared = await hasUnprepared(client, context);
      if (unprepared || !(await areAhead(client, bases))) return 'again';
      const touched = new Map<string, AdoptionTenant>();
      while ((await countChanges(context, false)) > 0) {
        if (overdue()) return 'again';
        for (const tenant of (await replayOnce(context)).tenants) touched.set(tenant.sourceId, tenant);
      }
      await compareCounts(client, context, [...touched.values()].slice(0, 50));
      if (overdue()) return 'again';
      for (const part of layout.parts) await client.query(closeShared(part));
      await moveTo(client, { id, status: 'copied' }, 'cutover');
      return 'done';
    },
  });
  await context.owner.query('update tenantry.adoption set locked_ms = $2 where id = $1', [id, report.lockedMs]);
  return report;
}

/**
 * Carries changes over, pass by pass, until a pass took no longer than `shortMs`: the last one is done while writers
 * wait.
 */
export async function catchUp(context: AdoptionContext, shortMs: number): Promise<void> {
  for (let pass = 1; pass <= passesMax; pass++) {
    await adoptNewTenants(context);
    const started = performance.now();
    await replayOnce(context);
    if (performance.now() - started <= shortMs || context.signal?.aborted) return;
  }
}

/** Whether a tenant signed up after the others were prepared. */
async function hasUnprepared(client: pg.ClientBase, { id, layout }: AdoptionContext): Promise<boolean> {
  const { schema, table, id: column } = layout.tenants;
  const { rows } = await client.query(
    `select from ${q(schema)}.${q(table)} t where not exists
       (select from tenantry.adoption_tenant a where a.adoption_id = $1 and a.source_id = t.${q(column)}::text and a.copied and a.carries_back) limit 1`,
    [id],
  );
  return rows.length > 0;
}

/** Tenant tables begin to record what is written to them, and refuse it until the cutover. */
async function prepareTenants(context: AdoptionContext): Promise<void> {
  const { owner, id, layout, concurrency, emit } = context;
  const tenants = await readTenants(owner, id, 'not a.carries_back');
  if (tenants.length === 0) return;
  await within(owner, 'read committed', async (client) => {
    for (const part of layout.parts) await client.query(backFunction(id, part));
  });
  emit({ type: 'phase', phase: 'prepare', total: tenants.length });
  let done = 0;
  await inParallel(tenantBatches(tenants, layout), concurrency, async (batch) => {
    const texts = batch.flatMap(({ schema, sourceId }) =>
      layout.parts.flatMap((part) => captureTenant(id, part, schema, sourceId)),
    );
    const literals = batch.map(({ tenant }) => `'${tenant}'`).join(', ');
    const mark = `update tenantry.adoption_tenant set carries_back = true where adoption_id = ${id} and tenant_id in (${literals})`;
    await retrying(() => send(context, [...texts, mark]));
    done += batch.length;
    emit({ type: 'progress', phase: 'prepare', done, total: tenants.length });
  });
}

/** The tenants that changed last have as many rows here as there. */
async function compareCounts(
  client: pg.ClientBase,
  { layout }: AdoptionContext,
  tenants: readonly AdoptionTenant[],
): Promise<void> {
  for (const { tenant, sourceId, schema } of tenants) {
    const pairs = ordered(layout).map(
      (part) =>
        `((select count(*) from ${withTenant(layout, part)} where ${isOf(part, sourceId)}) = (select count(*) from ${tenantTable(part, schema)}))`,
    );
    const { rows } = await client.query<{ same: boolean }>(`select ${pairs.join(' and ')} as same`);
    if (!one(rows, 'select … as same').same)
      throw new TenancyError('TENANCY_ADOPTION_FAILED', {
        tenant,
        reason: 'it does not have as many rows as the shared tables; run `tenantry adopt verify`',
      });
  }
}
