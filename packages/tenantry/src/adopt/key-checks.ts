import { sameNames } from './decide-layout.js';
import { type AdoptionGround, type Complain } from './adoption-ground.js';
import type { Layout, Part } from './layout.js';
import type { ForeignKeyFacts, RelationFacts } from './relation.js';

/** A foreign key whose rows are to be looked at before anything is copied. */
export interface KeyCheck {
  readonly part: number;
  readonly constraint: string;
  /** Of the shared tables. */
  readonly columns: readonly string[];
  readonly toColumns: readonly string[];
  /** The part it leads to, within one tenant; or any other table. */
  readonly to: { readonly part: number } | { readonly schema: string; readonly table: string };
}

/** Which foreign keys are to be checked row by row; those that cannot hold at all are problems. Pure. */
export function decideKeyChecks({ parts, tenants }: Layout, ground: AdoptionGround, complain: Complain): KeyCheck[] {
  const checks: KeyCheck[] = [];
  for (const part of parts) {
    const source = ground.source.find(({ name }) => name === part.table);
    const target = ground.target.find(({ name }) => name === part.as);
    for (const key of source?.foreignKeys ?? []) {
      const to = parts.find(({ table, schema }) => table === key.toTable && schema === key.toSchema);
      const own = part.path[0];
      if (own && own.part === to?.number && sameNames(own.columns, key.columns)) continue;
      if (to) checks.push(withoutTenant(part, to, key));
      else if (!isTenantKey(part, key, tenants)) requireShared(part, key, target, ground, complain);
    }
    for (const key of target?.foreignKeys ?? []) {
      const check = fromTarget(part, key, parts, ground);
      if (check === undefined)
        complain(
          'parent-not-adopted',
          part.table,
          `In the tenant schemas "${part.as}" refers to "${key.toTable}" (${key.name}), which is not adopted.`,
        );
      else if (!checks.some((each) => isSame(each, check)) && !isOwnWay(part, check)) checks.push(check);
    }
  }
  return checks.filter(({ columns }) => columns.length > 0);
}

const isSame = (one: KeyCheck, other: KeyCheck) =>
  one.part === other.part &&
  sameNames(one.columns, other.columns) &&
  JSON.stringify(one.to) === JSON.stringify(other.to);

const isOwnWay = ({ path: [own] }: Part, { columns, to }: KeyCheck) =>
  own !== undefined &&
  'part' in to &&
  own.part === to.part &&
  sameNames(
    own.columns.filter((name) => columns.includes(name)),
    columns,
  );

/** The key without its tenant column, which is the same for all rows of a tenant schema. */
function withoutTenant(part: Part, to: Part, { name, columns, toColumns }: ForeignKeyFacts): KeyCheck {
  const kept = columns
    .map((column, at) => ({ column, to: toColumns[at] ?? '' }))
    .filter((pair) => part.path.length > 0 || pair.column !== part.tenantColumn);
  return {
    part: part.number,
    constraint: name,
    columns: kept.map(({ column }) => column),
    toColumns: kept.map((pair) => pair.to),
    to: { part: to.number },
  };
}

function fromTarget(
  part: Part,
  key: ForeignKeyFacts,
  parts: readonly Part[],
  ground: AdoptionGround,
): KeyCheck | undefined {
  const columns = key.columns.map((name) => part.columns.find(({ to }) => to === name)?.from);
  const base = { part: part.number, constraint: key.name };
  // A column of the key that is not copied stays null, and a key with a null is not checked.
  if (columns.includes(undefined)) return { ...base, columns: [], toColumns: [], to: { part: part.number } };
  const known = columns.filter((name) => name !== undefined);
  if (key.toSchema !== ground.targetSchema)
    return { ...base, columns: known, toColumns: key.toColumns, to: { schema: key.toSchema, table: key.toTable } };
  const parent = parts.find(({ as }) => as === key.toTable);
  const toColumns = key.toColumns.map((name) => parent?.columns.find(({ to }) => to === name)?.from ?? '');
  return parent && { ...base, columns: known, toColumns, to: { part: parent.number } };
}

function isTenantKey(
  part: Part,
  { columns, toSchema, toTable }: ForeignKeyFacts,
  { schema, table }: Layout['tenants'],
): boolean {
  return part.path.length === 0 && columns.includes(part.tenantColumn) && toSchema === schema && toTable === table;
}

/** A table that stays shared must be one that tenants can see. */
function requireShared(
  { table, as, columns }: Part,
  { name, toSchema, toTable, columns: own }: ForeignKeyFacts,
  target: RelationFacts | undefined,
  { sharedSchemas }: AdoptionGround,
  complain: Complain,
): void {
  if (!own.some((column) => columns.some(({ from }) => from === column))) return;
  const kept = target?.foreignKeys.some((key) => key.toSchema === toSchema && key.toTable === toTable);
  if (kept || sharedSchemas.includes(toSchema)) return;
  complain(
    'lookup-not-shared',
    table,
    `It refers to "${toSchema}.${toTable}" (${name}), which is not adopted. Adopt it too, or put the schema into the service's \`sharedSchemas\`, or give the tenant table "${as}" a foreign key to it.`,
  );
}
