import type { ChangedUnique } from './adoption-plan.js';
import type { AdoptionGround } from './adoption-ground.js';
import type { Layout, Part } from './layout.js';
import type { RelationFacts } from './relation.js';

/** A unique constraint whose meaning changes, before its rows are counted. */
export interface UniqueChange extends Omit<ChangedUnique, 'duplicates'> {
  readonly part: number;
}

/** Compares unique constraints before and after. Pure. */
export function decideUniqueChanges({ parts }: Layout, { source, target }: AdoptionGround): UniqueChange[] {
  return parts.flatMap((part) => {
    const before = uniquesOf(source.find(({ name }) => name === part.table));
    const after = uniquesOf(target.find(({ name }) => name === part.as));
    return [...oldOnes(part, before, after), ...newOnes(part, before, after)];
  });
}

const uniquesOf = (facts: RelationFacts | undefined) =>
  facts ? [{ name: 'primary key', columns: facts.primaryKey }, ...facts.uniques] : [];

type Uniques = ReturnType<typeof uniquesOf>;

function oldOnes(part: Part, before: Uniques, after: Uniques): UniqueChange[] {
  return before.flatMap(({ name, columns }): UniqueChange[] => {
    const hasTenant = part.path.length === 0 && columns.includes(part.tenantColumn);
    const rest = columns
      .filter((column) => !hasTenant || column !== part.tenantColumn)
      .map((column) => asAfter(part, column));
    const base = { part: part.number, table: part.table, constraint: name, columns };
    // The shared table said "one per tenant". In a tenant schema that is "one per table", and no constraint there says
    // so.
    if (!after.some((unique) => isSubset(unique.columns, rest))) return [{ ...base, change: 'lost' }];
    return hasTenant ? [] : [{ ...base, change: 'within' }];
  });
}

function newOnes(part: Part, before: Uniques, after: Uniques): UniqueChange[] {
  return after.flatMap(({ name, columns }): UniqueChange[] => {
    const from = columns.map((column) => part.columns.find(({ to }) => to === column)?.from);
    if (from.includes(undefined)) return [];
    const known = from.filter((column) => column !== undefined);
    const implied = before.some((unique) =>
      isSubset(
        unique.columns.filter((column) => part.path.length > 0 || column !== part.tenantColumn),
        known,
      ),
    );
    return implied ? [] : [{ part: part.number, table: part.table, constraint: name, columns: known, change: 'new' }];
  });
}

const asAfter = (part: Part, column: string) => part.columns.find(({ from }) => from === column)?.to ?? '';

const isSubset = (some: readonly string[], of: readonly string[]) =>
  some.length > 0 && some.every((column) => of.includes(column));
