import type { RolloutPlan } from '../fleet/rollout-plan.js';

/** A plan as a person reads it. Pure. */
export function printPlan(plan: RolloutPlan): string[] {
  const { service, direction, target, total, groups, waves, ahead, strays } = plan;
  const where = target ?? 'the state before the first migration';
  const lines = ahead.map(
    ({ tenant, head }) =>
      `${service}: tenant ${tenant} is at "${head ?? 'none'}", which this version does not know; left alone`,
  );
  for (const { tenant, head } of strays)
    lines.push(`${service}: tenant ${tenant} is at "${head ?? 'none'}", which no version has registered; left alone`);
  if (total === 0) return [...lines, `${service}: nothing to do, every tenant is at ${where}`];
  lines.push(
    `${service}: ${total} ${total === 1 ? 'tenant' : 'tenants'} ${direction === 'up' ? 'to' : 'back to'} ${where}`,
  );
  for (const { from, migrations, tenants } of groups) {
    const start = from === undefined ? 'without a schema' : `at ${from ?? 'none'}`;
    const names = migrations.map(({ name, kind }) =>
      kind === 'sql' ? name : `${name} (${kind === 'code' ? 'with code' : 'outside a transaction'})`,
    );
    lines.push(`  ${tenants} ${start}: ${direction === 'up' ? '' : 'take back '}${names.join(', ') || 'provision'}`);
  }
  if (waves.length > 1)
    lines.push(`  waves: ${waves.map(({ name, tenants }) => `${name} (${tenants.length})`).join(', ')}`);
  return lines;
}

/** A plan for machines: statements are left out, tenants are named. Pure. */
export function planAsJson({ groups, ...plan }: RolloutPlan): unknown {
  return {
    ...plan,
    groups: groups.map(({ from = null, migrations, tenants }) => ({
      from,
      migrations: migrations.map(({ name, kind }) => ({ name, kind })),
      tenants,
    })),
    waves: plan.waves.map(({ name, tenants }) => ({ name, tenants: tenants.map(({ tenant }) => tenant) })),
  };
}
