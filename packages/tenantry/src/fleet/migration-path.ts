import { addsEnumValue } from '../migrations/adds-enum-value.js';
import type { CompiledMigration } from '../migrations/tenant-migration.js';

/** Where tenants go, whatever head they have. */
export interface Course {
  readonly direction: 'up' | 'down';
  readonly target: string | null;
}

/** Migrations that take a tenant from one head to another in one transaction, except for what runs outside of one. */
export interface PathStep {
  readonly migrations: readonly CompiledMigration[];
  /** The head afterwards. */
  readonly to: string | null;
}

/**
 * What takes a tenant from any head to the target, in the order in which it runs. Pure.
 *
 * @param all - The service's migrations.
 * @returns `undefined` for a head or a target that the list does not know, and for a head that lies behind the target already.
 */
export function migrationPath(
  all: readonly CompiledMigration[],
  { direction, target }: Course,
  head: string | null,
): readonly CompiledMigration[] | undefined {
  const [at, goal] = [positionOf(all, head), positionOf(all, target)];
  if (at === undefined || goal === undefined) return undefined;
  if (direction === 'up') return at <= goal ? all.slice(at, goal) : undefined;
  return at >= goal ? all.slice(goal, at).toReversed() : undefined;
}

/**
 * Cuts a path where one transaction must end before the next migration begins: around what runs outside a transaction, and
 * after a value of an enum that a later migration may use. Pure.
 *
 * @param apart - Every migration is a step of its own.
 */
export function cutPath(
  all: readonly CompiledMigration[],
  path: readonly CompiledMigration[],
  direction: Course['direction'],
  apart = false,
): readonly PathStep[] {
  const cut: CompiledMigration[][] = [];
  for (const migration of path) {
    const last = cut.at(-1);
    if (last && !apart && !endsBetween(last.at(-1), migration, direction)) last.push(migration);
    else cut.push([migration]);
  }
  return cut.map((migrations) => {
    const name = migrations.at(-1)?.name ?? null;
    return { migrations, to: direction === 'up' ? name : (all[(positionOf(all, name) ?? 0) - 2]?.name ?? null) };
  });
}

function endsBetween(
  before: CompiledMigration | undefined,
  after: CompiledMigration,
  direction: Course['direction'],
): boolean {
  if (direction === 'down') return addsEnumValue(before?.down ?? []);
  return before?.kind === 'outside' || after.kind === 'outside' || addsEnumValue(before?.statements ?? []);
}

/** How many migrations lie behind a head. */
function positionOf(all: readonly CompiledMigration[], head: string | null): number | undefined {
  const index = head === null ? 0 : all.findIndex(({ name }) => name === head) + 1;
  return head !== null && index === 0 ? undefined : index;
}
