import type { RolloutPlan } from '../fleet/rollout-plan.js';

/** A plan as a person reads it. Pure. */
export function printPlan(plan: RolloutPlan): string[] {
  const { service, direction, target, total, groups, waves, ahead, strays, findings } = plan;
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
  for (const { level, rule, migration, message, tenant } of findings)
    lines.push(`  ${level} ${rule}: ${migration}: ${message} (the largest is tenant ${tenant}'s)`);
  return lines;
}
