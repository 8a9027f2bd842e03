import type { Tenants } from './lifecycle/tenants/tenants.js';
import type { ResolvedOptions } from './options.js';
import { translateError } from './postgres/translate-error.js';
import { ReconcileLoop } from './provision/reconcile-loop.js';
import type { ReconcileReport } from './provision/reconcile-report.js';
import type { Reconciler } from './provision/reconciler.js';

type Logger = ResolvedOptions['logger'];

/**
 * What a process with the owner role does for the whole fleet when it is woken and by a timer: it closes every gap, erases
 * the tenants that are due, and tells the log.
 *
 * @param stopping - Ends an erasure after the step in hand.
 */
export function makeReconcileLoop(
  reconciler: Reconciler,
  tenants: Tenants,
  options: ResolvedOptions,
  stopping: AbortSignal,
): ReconcileLoop {
  const { logger, reconcile, ownerConnections } = options;
  let lookedAt = Number.NEGATIVE_INFINITY;
  const run = async () => {
    // Looked for by the timer, and not for each new tenant: the look takes long, and a loss can wait for it.
    const withLost = performance.now() - lookedAt > reconcile.intervalMs / 2;
    if (withLost) lookedAt = performance.now();
    const report = await reconciler.run(withLost);
    // An erasure holds one connection and works on another.
    if (ownerConnections >= 2) await eraseDue(tenants, logger, stopping);
    return report;
  };
  return new ReconcileLoop(run, {
    intervalMs: reconcile.intervalMs,
    onReport: (report) => tell(logger, report),
    onError: (error) =>
      logger?.warn(`Reconciling failed and is tried again: ${(translateError(error) ?? (error as Error)).message}`),
  });
}

function tell(logger: Logger, { provisioned, migrated, changes, failures }: ReconcileReport): void {
  if (provisioned + migrated > 0) logger?.log(`Brought to head: ${provisioned} provisioned, ${migrated} migrated.`);
  for (const { tenant, service, outcome } of changes)
    if (outcome === 'repaired')
      logger?.warn(
        `Tenant ${tenant} of ${service} had lost its role or the rights of it; they were given back. \`tenantry drift\` shows what else is missing.`,
      );
  for (const { tenant, service, reason } of failures) logger?.warn(`Tenant ${tenant} of ${service}: ${reason}`);
}

/** Tenants whose grace period is over. */
async function eraseDue(tenants: Tenants, logger: Logger, signal: AbortSignal): Promise<void> {
  for (const { tenant, error } of await tenants.eraseDue({ signal })) {
    if (error) logger?.warn(`Tenant ${tenant} could not be erased and is tried again: ${error.operatorMessage}`);
    else logger?.log(`Erased tenant ${tenant}.`);
  }
}
