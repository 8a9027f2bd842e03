import { TenancyError } from '../errors/tenancy-error.js';
import { retrying } from '../postgres/contention.js';
import { one } from '../postgres/one.js';
import { sqlstate, sqlstateOf } from '../postgres/sqlstate.js';
import type { AdoptionContext } from './adoption-context.js';
import { moveTo } from './adoption-store.js';
import { openShared } from './capture-sql.js';
import { reasonOf } from './copy-tenants.js';
import { inParallel } from './in-parallel.js';
import { type LockReport, lockAndMove } from './lock-and-move.js';
import { carryBack, countTaken } from './replay-sql.js';
import { byKey, countChanges, readChanged, send } from './replay.js';
import { within } from './session.js';
import { moveSharedSequences } from './set-apart-sequences.js';
import { tenantBatches } from './tenant-batches.js';

const passesMax = 30;

/**
 * Turns back to the shared tables: what was written in tenant schemas since the cutover is carried back, the last of it while
 * their writers wait. From the commit on the tenant tables refuse changes and the shared ones take them.
 *
 * @throws TenancyError `TENANCY_ADOPTION_CONFLICT`, `TENANCY_ADOPTION_BUSY`.
 */
export async function rollBack(context: AdoptionContext, lockMaxMs: number): Promise<LockReport> {
  const { id, layout } = context;
  return lockAndMove(context, lockMaxMs, {
    before: async () => {
      for (let pass = 1; pass <= passesMax; pass++) {
        const started = performance.now();
        await carryBackOnce(context);
        if (performance.now() - started <= lockMaxMs / 4) return;
      }
    },
    // Whoever writes to a tenant table holds this row in share mode until the end of its transaction.
    lock: (client) => moveTo(client, { id, status: 'cutover' }, 'copied'),
    work: async (client, overdue) => {
      while ((await countChanges(context, true)) > 0) {
        if (overdue()) return 'again';
        await carryBackOnce(context);
      }
      for (const part of layout.parts) {
        await client.query(openShared(part));
        for (const text of moveSharedSequences(part)) await client.query(text);
      }
      return overdue() ? 'again' : 'done';
    },
  });
}

type ChangedTenant = Awaited<ReturnType<typeof readChanged>>[number];

/**
 * @returns How many changes waited.
 * @throws TenancyError `TENANCY_ADOPTION_CONFLICT` when none of them could be carried back.
 */
async function carryBackOnce(context: AdoptionContext): Promise<number> {
  const { layout, concurrency, emit } = context;
  const changes = await countChanges(context, true);
  if (changes === 0) return 0;
  await context.owner.query('analyze tenantry.adoption_change');
  const tenants = await readChanged(context, true);
  emit({ type: 'phase', phase: 'replay', total: tenants.length });
  const refused: { tenant: ChangedTenant; error: unknown }[] = [];
  let done = 0;
  await inParallel(tenantBatches(tenants, layout), concurrency, async (batch) => {
    await carry(context, batch).catch(async (error: unknown) => {
      if (!isOfRows(error)) throw error;
      for (const tenant of batch)
        await carry(context, [tenant]).catch((own: unknown) => {
          if (!isOfRows(own)) throw own;
          refused.push({ tenant, error: own });
        });
    });
    done += batch.length;
    emit({ type: 'progress', phase: 'replay', done, total: tenants.length });
  });
  const [first] = refused;
  // A key that one tenant gave up in this pass may be free for another in the next.
  if (first && refused.length === tenants.length) throw await conflictOf(context, first.tenant, first.error);
  return changes;
}

/** With all parts: a row may refer to one that came a moment after the look at what changed. */
function carry(context: AdoptionContext, batch: readonly ChangedTenant[]): Promise<void> {
  const { id, layout } = context;
  const all = new Set(layout.parts.map(({ number }) => number));
  return retrying(() =>
    send(
      context,
      batch.flatMap((tenant) => carryBack(id, layout, tenant, all)),
    ),
  );
}

/** A constraint was violated, or the row's key belongs to another tenant, for which the statement divides by zero. */
function isOfRows(error: unknown): boolean {
  const state = sqlstateOf(error);
  return state === sqlstate.divisionByZero || (state?.startsWith('23') ?? false);
}

async function conflictOf(context: AdoptionContext, tenant: ChangedTenant, error: unknown): Promise<TenancyError> {
  const { owner, id, layout, service } = context;
  const taken = await within(owner, 'repeatable read', async (client) => {
    await client.query(byKey);
    for (const part of layout.parts) {
      const { rows } = await client.query<{ n: number }>(countTaken(id, layout, part, tenant));
      const { n } = one(rows, `select count(*) … for ${part.table}`);
      if (n > 0) return { table: part.table, rows: n };
    }
    return undefined;
  });
  const reason = taken ? `tenant "${tenant.tenant}" gave them keys that other tenants have` : reasonOf(error);
  const { table, rows = 'some' } = taken ?? { table: (error as { table?: string }).table };
  const named = table === undefined ? 'one of its tables' : `"${table}"`;
  return new TenancyError('TENANCY_ADOPTION_CONFLICT', { service, table: named, rows, reason }, { cause: error });
}
