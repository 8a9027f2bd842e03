import { TenancyError } from '../errors/tenancy-error.js';
import { readAllowances } from '../migrations/lint/allowances.js';
import type { LintFinding } from '../migrations/lint/lint-finding.js';
import { lintMigration } from '../migrations/lint/lint-migration.js';
import type { CompiledMigration } from '../migrations/tenant-migration.js';
import type { Querier } from '../postgres/querier.js';
import { type LargeTable, readLargeTables } from './large-tables.js';
import type { PlanFinding } from './plan-finding.js';
import type { PlannedGroup, RolloutPlan } from './rollout-plan.js';

/** What a plan is judged by. */
export interface PlanRules {
  /** Rows from which a table is large. */
  readonly largeTableRows: number;
  /** What is allowed all the same: `rule: reason`. */
  readonly allow?: readonly string[] | undefined;
}

/**
 * Looks at what only live tables can tell: whether an index is built without `concurrently` on a table that is large
 * somewhere. Everything else the lint knew when the migration was written. One query, and none where no index is built.
 *
 * @throws TenancyError `TENANCY_OPTION_INVALID` for an allowance without a reason, or of no rule.
 */
export async function judgePlan(
  owner: Querier,
  plan: RolloutPlan,
  { largeTableRows, allow = [] }: PlanRules,
): Promise<readonly PlanFinding[]> {
  const allowed = readAllowed(allow);
  // On the way down no index is built, and a schema that does not exist yet has no rows.
  const groups = plan.direction === 'up' ? plan.groups.filter(({ from }) => from !== undefined) : [];
  const builds = await indexBuilds(groups);
  if (builds.size === 0) return [];
  const tenants = plan.waves.flatMap((wave) => wave.tenants);
  const questions = groups.map(({ from, migrations }) => ({
    tenants: tenants.filter(({ schema, head }) => schema !== null && head === from),
    tables: [...new Set(migrations.flatMap(({ name }) => builds.get(name) ?? []))],
  }));
  const large = await readLargeTables(owner, questions, largeTableRows);
  const tenantOf = new Map(tenants.map(({ schema, tenant }) => [schema as string, tenant]));
  const findings: PlanFinding[] = [];
  for (const migration of distinct(groups).filter(({ name }) => builds.has(name))) {
    const largest = largestOf(large.filter(({ question }) => groups[question]?.migrations.includes(migration)));
    const largeTables = new Map([...largest].map(([table, { rows }]) => [table, rows]));
    for (const finding of (await ofSize(migration, largeTables)).filter(({ rule }) => !allowed.has(rule))) {
      const tenant = tenantOf.get(largest.get(finding.table ?? '')?.schema ?? '') ?? 'unknown';
      findings.push({ ...finding, migration: migration.name, tenant });
    }
  }
  return findings;
}

/** Whether a plan has a finding of the level `error`, and so is refused. Pure. */
export function isOpposed({ findings }: RolloutPlan): boolean {
  return findings.some(({ level }) => level === 'error');
}

/**
 * Refuses a plan with a finding of the level `error`.
 *
 * @throws TenancyError `TENANCY_PLAN_REFUSED`.
 */
export function requireUnopposed({ service, findings }: RolloutPlan): void {
  const finding = findings.find(({ level }) => level === 'error');
  if (!finding) return;
  const { migration, rule, message: reason, tenant } = finding;
  throw new TenancyError('TENANCY_PLAN_REFUSED', { service, migration, rule, reason, tenant });
}

function readAllowed(allow: readonly string[]): ReadonlySet<string> {
  const { allowed, refused } = readAllowances(allow.map((text) => `tenantry-allow ${text}`));
  const [reason] = refused;
  if (reason !== undefined)
    throw new TenancyError('TENANCY_OPTION_INVALID', { option: 'allow', reason: `it ${reason}; write: rule: reason` });
  return allowed;
}

/** Of each migration that builds indexes while writers wait, the tables. */
async function indexBuilds(groups: readonly PlannedGroup[]): Promise<ReadonlyMap<string, readonly string[]>> {
  const builds = new Map<string, readonly string[]>();
  for (const migration of distinct(groups)) {
    // Loading the parser takes a moment, and a statement without any of these words builds no index.
    if (!migration.statements.some((text) => /\b(?:index|unique|primary|exclude|reindex)\b/i.test(text))) continue;
    const tables = (await ofSize(migration)).flatMap(({ table = '' }) => table);
    if (tables.length > 0) builds.set(migration.name, tables);
  }
  return builds;
}

/** The findings that a table's size decides about. */
async function ofSize(
  { kind, statements }: CompiledMigration,
  largeTables?: ReadonlyMap<string, number>,
): Promise<LintFinding[]> {
  const findings = await lintMigration(statements, { kind, tenant: true, largeTables });
  return findings.filter(({ table }) => table !== undefined);
}

function distinct(groups: readonly PlannedGroup[]): CompiledMigration[] {
  return [...new Set(groups.flatMap(({ migrations }) => migrations))];
}

function largestOf(large: readonly LargeTable[]): ReadonlyMap<string, LargeTable> {
  const bySize = large.toSorted((a, b) => a.rows - b.rows);
  return new Map(bySize.map((each) => [each.table, each]));
}
