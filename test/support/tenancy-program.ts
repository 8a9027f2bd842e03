import type { OperationEvent } from '../../packages/tenantry/src/lifecycle/operations/operation-record.js';
import { Tenancy } from '../../packages/tenantry/src/tenancy.js';
import type { MigrationClass } from '../../packages/tenantry/src/migrations/tenant-migration.js';
import { migrationOf } from './migration-of.js';
import type { Order } from './tenancy-process.js';
import { widgetMigrations } from './widgets.js';

/** The program of a {@link TenancyProcess}: does what it is ordered and answers. */
let tenancy: Tenancy | undefined;

async function obey(order: Order): Promise<unknown> {
  if (order.what === 'start') {
    // So many migrations more, each with one column.
    const more = Array.from({ length: order.columns ?? 0 }, (_, index): [string, MigrationClass] => [
      `0001${index}-column`,
      migrationOf(`alter table widget add column c${index} int`),
    ]);
    const migrations = { ...widgetMigrations, ...Object.fromEntries(more) };
    tenancy = await Tenancy.start({ service: 'shop', migrations, ...order.options });
    return undefined;
  }
  const started = tenancy;
  if (!started) throw new Error('Not started.');
  if (order.what === 'sign up') return Promise.all(order.ids.map((id) => started.catalog.create({ id, name: id })));
  if (order.what === 'run') return Promise.all(order.ids.map((id) => started.run(id, () => id)));
  if (order.what === 'tenant') return changeTenant(started, order);
  if (order.what === 'reconcile') return started.reconcile();
  return started.stop();
}

function changeTenant({ tenants }: Tenancy, { command, id, to, dieAt }: Order & { what: 'tenant' }): Promise<unknown> {
  const onEvent = (event: OperationEvent) => {
    const step = 'step' in event ? event.step : undefined;
    if (event.type === dieAt?.type && step === dieAt.step) process.kill(process.pid, 'SIGKILL');
  };
  if (command === 'rename') return tenants.rename(id, { to }, { onEvent });
  if (command === 'erase') return tenants.erase(id, { now: true, onEvent });
  return tenants[command](id, { onEvent });
}

process.on('message', (order: Order) => {
  void obey(order)
    .then(
      (value) => ({ seq: order.seq, value }),
      (error: Error & { code?: string }) => ({ seq: order.seq, error: error.code ?? error.message }),
    )
    .then((answer) => process.connected && process.send?.(answer));
});
process.on('disconnect', () => process.exit());
process.send?.({ seq: 0 });
