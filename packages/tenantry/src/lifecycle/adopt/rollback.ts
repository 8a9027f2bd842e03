import { TenancyError } from '../../errors/tenancy-error.js';
import type { AdoptionContext } from './adoption-context.js';
import { moveTo } from './adoption-store.js';
import { openShared } from './capture-sql.js';
import { batchSize, reasonOf } from './copy-tenants.js';
import { inBatches, inParallel, retrying } from './crew.js';
import { type LockReport, lockAndMove } from './lock-and-move.js';
import { carryBack, countTaken } from './replay-sql.js';
import { byKey, countChanges, readChanged, send } from './replay.js';
import { within } from './session.js';
import { moveSharedSequences } from './strides.js';
import { sqlstateOf } from '../../postgres/sqlstate.js';

const fewChanges = 200;
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
      for (let pass = 1; pass <= passesMax; pass++) if ((await carryBackOnce(context)) <= fewChanges) return;
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

/** @returns How many changes waited. */
async function carryBackOnce(context: AdoptionContext): Promise<number> {
  const { id, layout, concurrency, emit } = context;
  const changes = await countChanges(context, true);
  if (changes === 0) return 0;
  const tenants = await readChanged(context, true);
  await refuseTaken(context, tenants);
  emit({ type: 'phase', phase: 'replay', total: tenants.length });
  let done = 0;
  await inParallel(inBatches(tenants, batchSize(layout.parts.length)), concurrency, async (batch) => {
    // All parts: a row may need one that came a moment after the look at what changed.
    const all = new Set(layout.parts.map(({ number }) => number));
    try {
      await retrying(() =>
        send(
          context,
          batch.flatMap((tenant) => carryBack(id, layout, tenant, all)),
        ),
      );
    } catch (error) {
      if (!sqlstateOf(error)?.startsWith('23')) throw error;
      const fields = {
        service: context.service,
        rows: 'some',
        table: layout.parts[0]?.table ?? '',
        reason: reasonOf(error),
      };
      throw new TenancyError('TENANCY_ADOPTION_CONFLICT', fields, { cause: error });
    }
    done += batch.length;
    emit({ type: 'progress', phase: 'replay', done, total: tenants.length });
  });
  return changes;
}

async function refuseTaken(context: AdoptionContext, tenants: Awaited<ReturnType<typeof readChanged>>): Promise<void> {
  const { owner, id, layout, service } = context;
  await within(owner, 'repeatable read', async (client) => {
    await client.query(byKey);
    for (const tenant of tenants)
      for (const part of layout.parts.filter(({ number }) => tenant.parts.includes(number))) {
        const { rows } = await client.query<{ n: number }>(countTaken(id, layout, part, tenant));
        const n = rows[0]?.n ?? 0;
        const reason = `tenant "${tenant.tenant}" gave them keys that other tenants have`;
        if (n > 0) throw new TenancyError('TENANCY_ADOPTION_CONFLICT', { service, table: part.table, rows: n, reason });
      }
  });
}
