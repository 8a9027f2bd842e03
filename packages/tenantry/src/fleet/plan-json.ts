import type { MigrationKind } from '../migrations/tenant-migration.js';
import type { RolloutPlan } from './rollout-plan.js';

/** A {@link RolloutPlan} for machines: migrations without their statements, tenants by their ids. */
export interface PlanJson extends Omit<RolloutPlan, 'groups' | 'waves'> {
  readonly groups: readonly {
    /** `null` also for tenants without a schema. */
    readonly from: string | null;
    readonly migrations: readonly { readonly name: string; readonly kind: MigrationKind }[];
    readonly tenants: number;
  }[];
  readonly waves: readonly { readonly name: string; readonly tenants: readonly string[] }[];
}

/** What `tenantry migrate --dry-run --json` prints of a plan, and what an API answers. Pure. */
export function planAsJson({ groups, waves, ...plan }: RolloutPlan): PlanJson {
  return {
    ...plan,
    groups: groups.map(({ from = null, migrations, tenants }) => ({
      from,
      migrations: migrations.map(({ name, kind }) => ({ name, kind })),
      tenants,
    })),
    waves: waves.map(({ name, tenants }) => ({ name, tenants: tenants.map(({ tenant }) => tenant) })),
  };
}
