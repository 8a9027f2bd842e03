import type pg from 'pg';
import { judgePlan } from '../fleet/judge-plan.js';
import { planRollout, type RolloutPlan } from '../fleet/rollout-plan.js';
import { readService } from '../migrations/read-service.js';
import { findBehind, readFleet } from './find-behind.js';

const everybody = 2 ** 31 - 1;

/** What reconciling would do: one plan for each service of the catalog, also where nobody is behind. Changes nothing. */
export async function planReconcile(
  owner: Pick<pg.Pool, 'query'>,
  largeTableRows: number,
): Promise<readonly RolloutPlan[]> {
  const gaps = await findBehind(owner, everybody);
  const plans: RolloutPlan[] = [];
  for (const { service } of await readFleet(owner)) {
    const { migrations } = await readService(owner, service);
    const tenants = gaps
      .filter((gap) => gap.service === service)
      .map(({ tenant, schema, head }) => ({ tenant, schema, head }));
    const target = migrations.at(-1)?.name ?? null;
    const plan = planRollout({ service, direction: 'up', migrations, target, tenants });
    plans.push({ ...plan, findings: await judgePlan(owner, plan, { largeTableRows }) });
  }
  return plans;
}
