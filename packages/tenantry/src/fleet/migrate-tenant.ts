import type { TenancyError } from '../errors/tenancy-error.js';
import type { TenantId } from '../tenant/tenant-id.js';
import { readNotAt } from './fleet-tenant.js';
import type { ServiceContext } from './service-context.js';
import { planRollout } from './rollout-plan.js';
import { WaveRunner } from './wave-runner.js';

/**
 * Brings one tenant to head, whatever rollout is under way: its lock and its ledger keep both from doing anything twice.
 *
 * @throws TenancyError why it could not be done; nothing of it is left then.
 */
export async function migrateTenant(context: ServiceContext, tenant: TenantId): Promise<void> {
  const { owner, service, shipped } = context;
  const { migrations } = shipped;
  const target = migrations.at(-1)?.name ?? null;
  const tenants = await readNotAt(owner, service, target, { tenants: [tenant] });
  const plan = planRollout({ service, direction: 'up', migrations, target, tenants });
  let failure: TenancyError | undefined;
  const runner = new WaveRunner(context, plan, {
    done: () => undefined,
    failed: (_, __, error) => {
      failure = error;
    },
    stopping: () => false,
  });
  for (const wave of plan.waves) await runner.run(wave.tenants, 1);
  if (failure) throw failure;
}
