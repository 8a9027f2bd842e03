import { retrying } from '../postgres/contention.js';
import type { AdoptionContext } from './adoption-context.js';
import { type AdoptionRecord, type AdoptionStatus, moveTo, readTenants } from './adoption-store.js';
import { lockShared } from './begin-adoption.js';
import { dropBackFunction, endCapture, releaseTenant } from './capture-sql.js';
import { emptyTenant } from './copy-sql.js';
import { dropSorted } from './copy-tenants.js';
import { inParallel } from './in-parallel.js';
import { send } from './replay.js';
import { within } from './session.js';
import { endStrides } from './set-apart-sequences.js';
import { tenantBatches } from './tenant-batches.js';

/**
 * Ends an adoption: the capture goes, on both sides. After the cutover the shared tables stay, closed, for their owner to drop; before it
 * the tenant tables are emptied again. May be repeated after a crash: its last step is the one that counts.
 */
export async function endAdoption(
  context: AdoptionContext,
  { status }: Pick<AdoptionRecord, 'status'>,
  to: Extract<AdoptionStatus, 'finished' | 'aborted'>,
): Promise<void> {
  const { owner, id, layout, concurrency, emit, lockTimeoutMs } = context;
  const tenants = await readTenants(owner, id, 'a.copied or a.carries_back');
  emit({ type: 'phase', phase: 'finish', total: tenants.length });
  let done = 0;
  await inParallel(tenantBatches(tenants, layout), concurrency, async (batch) => {
    const texts = batch.flatMap(({ schema, tenant }) => [
      ...layout.parts.flatMap((part) => releaseTenant(part, schema)),
      ...endStrides(layout, schema),
      ...(to === 'aborted' ? emptyTenant(layout, schema) : []),
      `update tenantry.adoption_tenant set carries_back = false${to === 'aborted' ? ', copied = false' : ''}
        where adoption_id = ${id} and tenant_id = '${tenant}'`,
    ]);
    await retrying(() => send(context, texts, false));
    done += batch.length;
    emit({ type: 'progress', phase: 'finish', done, total: tenants.length });
  });
  await dropSorted(context);
  await retrying(() =>
    within(
      owner,
      'read committed',
      async (client) => {
        await client.query(lockShared(layout));
        for (const part of layout.parts) {
          for (const text of endCapture(id, part, to === 'finished')) await client.query(text);
          await client.query(dropBackFunction(id, part));
        }
        await client.query('delete from tenantry.adoption_change where adoption_id = $1', [id]);
        await moveTo(client, { id, status }, to);
      },
      lockTimeoutMs,
    ),
  );
}
