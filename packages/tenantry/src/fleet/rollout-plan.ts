import { createHash } from 'node:crypto';
import { TenancyError } from '../errors/tenancy-error.js';
import type { CompiledMigration } from '../migrations/tenant-migration.js';
import type { FleetTenant } from './fleet-tenant.js';
import { migrationPath } from './migration-path.js';
import type { PlanFinding } from './plan-finding.js';

/** Which way a rollout goes. */
export type Direction = 'up' | 'down';

/** How a rollout is cut into parts. */
export interface Staging {
  /** Tenants that go first; one failure among them halts the rollout. @default 0 */
  readonly canary?: number | undefined;
  /** Ends of the waves after the canary: a number of tenants, or a share such as `10%`. @default one wave */
  readonly waves?: readonly string[] | undefined;
  /** How many tenants may fail: a number, or a share such as `1%`. @default all, but none in a canary */
  readonly maxFailures?: string | undefined;
}

/** Tenants that start from the same head and so need the same migrations. */
export interface PlannedGroup {
  /** Their head now; `undefined` for tenants without a schema, which are provisioned. */
  readonly from: string | null | undefined;
  /** In the order in which they run; taken back, for a rollout downward. */
  readonly migrations: readonly CompiledMigration[];
  readonly tenants: number;
}

/** Tenants that are taken to the target together; the next wave begins when this one ended well enough. */
export interface Wave {
  readonly name: string;
  readonly tenants: readonly FleetTenant[];
}

/** What a rollout is going to do, as data: `--dry-run`, the API and the executor have the same. */
export interface RolloutPlan {
  readonly service: string;
  readonly direction: Direction;
  /** The head that every tenant has afterwards. */
  readonly target: string | null;
  readonly total: number;
  /** More failures than these halt it; `null` is no limit. */
  readonly maxFailures: number | null;
  readonly groups: readonly PlannedGroup[];
  readonly waves: readonly Wave[];
  /** Tenants whose head this version of the service does not know: it is older than they are, and leaves them alone. */
  readonly ahead: readonly FleetTenant[];
  /** What the lint has against it, once it was held against live tables; an error refuses the rollout. */
  readonly findings: readonly PlanFinding[];
  /** Tenants whose head no version knows: they are left alone, and count as failed. */
  readonly strays: readonly FleetTenant[];
}

/** What a plan is made from. */
export interface PlanInput {
  readonly service: string;
  readonly direction: Direction;
  readonly migrations: readonly CompiledMigration[];
  readonly target: string | null;
  readonly tenants: readonly FleetTenant[];
  readonly staging?: Staging | undefined;
  /** How many tenants the rollout had at first, where this continues one: its waves stay where they were. */
  readonly totalAtFirst?: number | undefined;
}

/**
 * Decides what a rollout does, and in which parts. Pure, and the same for the same input.
 *
 * @throws TenancyError `TENANCY_MIGRATION_UNKNOWN` for a target that the service has not, `TENANCY_MIGRATION_IRREVERSIBLE`,
 * `TENANCY_OPTION_INVALID` for a canary, waves or failures that are not understood.
 */
export function planRollout(input: PlanInput): RolloutPlan {
  const { service, direction, migrations, target, staging = {} } = input;
  const positions = new Map<string | null, number>(migrations.map(({ name }, index) => [name, index + 1]));
  positions.set(null, 0);
  const goal = positions.get(target);
  if (goal === undefined) throw new TenancyError('TENANCY_MIGRATION_UNKNOWN', { service, migration: target ?? 'none' });
  const unknown = input.tenants.filter(({ head }) => !positions.has(head));
  const ahead = unknown.filter(({ stray }) => !stray);
  const strays = unknown.filter(({ stray }) => stray);
  const moving = input.tenants.filter(({ head, schema }) => {
    const at = positions.get(head);
    if (at === undefined) return false;
    return direction === 'up' ? at < goal || schema === null : schema !== null && at > goal;
  });
  const groups = groupByHead(moving).map(([from, tenants]) => {
    const path = migrationPath(migrations, { direction, target }, from ?? null) ?? [];
    return { from, migrations: path, tenants };
  });
  if (direction === 'down') for (const group of groups) refuseIrreversible(service, group.migrations);
  const waves = cutWaves(shuffled(moving), staging, input.totalAtFirst ?? moving.length);
  const total = moving.length + strays.length;
  const maxFailures =
    staging.maxFailures === undefined
      ? null
      : shareOf('maxFailures', 'failures', staging.maxFailures, Math.max(total, input.totalAtFirst ?? 0));
  return { service, direction, target, total, maxFailures, groups, waves, ahead, strays, findings: [] };
}

function groupByHead(tenants: readonly FleetTenant[]): [string | null | undefined, number][] {
  const counts = new Map<string | null | undefined, number>();
  for (const { head, schema } of tenants) {
    const from = schema === null ? undefined : head;
    counts.set(from, (counts.get(from) ?? 0) + 1);
  }
  return [...counts].toSorted(([a], [b]) => (a ?? '').localeCompare(b ?? ''));
}

function refuseIrreversible(service: string, migrations: readonly CompiledMigration[]): void {
  for (const { name, down } of migrations) {
    if (down === null) throw new TenancyError('TENANCY_MIGRATION_IRREVERSIBLE', { service, migration: name });
  }
}

/**
 * Orders tenants by a hash of their ids. So the same tenants are the canary every time, and they are not simply the
 * oldest ones.
 */
function shuffled(tenants: readonly FleetTenant[]): FleetTenant[] {
  const rank = (id: string) => createHash('md5').update(id).digest('hex');
  return tenants
    .map((tenant) => ({ tenant, at: rank(tenant.tenant) }))
    .toSorted((a, b) => (a.at < b.at ? -1 : 1))
    .map(({ tenant }) => tenant);
}

/** Within a wave by id: tenants made together lie together in PostgreSQL's catalogs, and so do the pages that a batch needs. */
function cutWaves(tenants: readonly FleetTenant[], { canary = 0, waves = [] }: Staging, totalAtFirst: number): Wave[] {
  requireCanary(canary);
  const total = Math.max(totalAtFirst, tenants.length);
  const done = total - tenants.length;
  const staged = canary > 0 || waves.length > 0;
  const cuts = [
    ...(canary > 0 ? [{ name: 'canary', end: canary }] : []),
    ...waves.map((text) => ({ name: text, end: Math.ceil(shareOf('waves', 'tenants', text, total)) })),
    { name: staged ? '100%' : 'all', end: total },
  ];
  let start = 0;
  return cuts.flatMap(({ name, end }) => {
    const part = tenants.slice(start, Math.max(start, end - done));
    start += part.length;
    return part.length > 0 ? [{ name, tenants: part.toSorted((a, b) => (a.tenant < b.tenant ? -1 : 1)) }] : [];
  });
}

/** A number, or a share of a total. */
function shareOf(option: string, what: string, text: unknown, total: number): number {
  const [, amount, percent] = /^(\d{1,9}(?:\.\d+)?)(%?)$/.exec(String(text).trim()) ?? [];
  if (amount === undefined || (percent && Number(amount) > 100)) {
    const reason = `"${String(text)}" is neither a number of ${what} nor a share such as 10%`;
    throw new TenancyError('TENANCY_OPTION_INVALID', { option, reason });
  }
  return percent ? (Number(amount) / 100) * total : Number(amount);
}

function requireCanary(canary: number): void {
  if (Number.isInteger(canary) && canary >= 0) return;
  throw new TenancyError('TENANCY_OPTION_INVALID', {
    option: 'canary',
    reason: `"${canary}" is not a number of tenants`,
  });
}
