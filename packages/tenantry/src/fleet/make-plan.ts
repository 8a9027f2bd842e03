import type { CompiledMigration } from '../migrations/tenant-migration.js';
import type { Querier } from '../postgres/querier.js';
import type { ServiceName } from '../tenant/service-name.js';
import type { FleetTarget } from './fleet-target.js';
import { readNotAt } from './fleet-tenant.js';
import { judgePlan } from './judge-plan.js';
import { planRollout, type RolloutPlan } from './rollout-plan.js';
import type { RolloutOptions } from './rollout-options.js';

/** What a plan is made for. */
export interface PlanRequest extends FleetTarget, RolloutOptions {
  readonly service: ServiceName;
  readonly migrations: readonly CompiledMigration[];
  /** How many tenants the rollout had at first, where this continues one. */
  readonly totalAtFirst?: number | undefined;
}

/**
 * Makes a plan: one query where everybody is at the target, and a second one where an index is to be built.
 *
 * @throws TenancyError what the selector, the target, the waves or the allowances are refused with.
 */
export async function makePlan(owner: Querier, request: PlanRequest, largeTableRows: number): Promise<RolloutPlan> {
  const { service, migrations, selector = {}, direction = 'up', to, totalAtFirst, allow } = request;
  const { canary, waves, maxFailures } = request;
  const target = to === undefined ? (migrations.at(-1)?.name ?? null) : to;
  const tenants = await readNotAt(owner, service, target, selector);
  const staging = { canary, waves, maxFailures };
  const plan = planRollout({ service, direction, migrations, target, tenants, staging, totalAtFirst });
  return { ...plan, findings: await judgePlan(owner, plan, { largeTableRows, allow }) };
}
