import type {
  AdoptionPlan,
  ChangedUnique,
  CrossingKey,
  FoundTenant,
  PlannedTable,
  UnfitTenant,
} from './adoption-plan.js';
import type { AdoptionGround, AdoptionProblem } from './adoption-ground.js';
import { type Layout, ordered, type Part, partAt } from './layout.js';
import type { CountedRows } from './survey.js';
import type { UniqueChange } from './unique-changes.js';

/** One shared table, counted. */
export interface SurveyedTable {
  readonly part: Part;
  readonly counted: readonly CountedRows[];
}

/** What a look at the rows found. */
export interface Surveyed {
  readonly tenants: readonly FoundTenant[];
  readonly unfit: readonly UnfitTenant[];
  readonly known: number;
  readonly tables: readonly SurveyedTable[];
  readonly crossing: readonly CrossingKey[];
  readonly uniques: readonly (UniqueChange & { readonly duplicates: number })[];
  readonly rowsPerSecond: number;
}

/** Seconds that a tenant's schema takes. Source: the benchmark `provision`. */
const secondsPerTenant = 0.01;

const nothing: Surveyed = { tenants: [], unfit: [], known: 0, tables: [], crossing: [], uniques: [], rowsPerSecond: 0 };

/** Puts together what was found; whatever stands against the adoption becomes a problem. Pure. */
export function decidePlan(
  layout: Layout,
  {
    ground,
    problems,
    surveyed = nothing,
  }: { ground: AdoptionGround; problems: readonly AdoptionProblem[]; surveyed?: Surveyed },
): AdoptionPlan {
  const known = new Set(surveyed.tenants.map(({ sourceId }) => sourceId));
  const parts = layout.order.length > 0 ? ordered(layout) : layout.parts;
  const tables = parts.map((part) => describe(layout, part, countedOf(surveyed, part), known));
  const uniques: ChangedUnique[] = surveyed.uniques.map(({ table, constraint, columns, change, duplicates }) => ({
    table,
    constraint,
    columns,
    change,
    duplicates,
  }));
  const all = [...problems, ...found({ ...surveyed, uniques }, tables)];
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const speed = surveyed.rowsPerSecond || 50_000;
  const sequences = parts.flatMap(({ as: table, sequences: own }) => own.map((column) => ({ table, column })));
  return {
    service: layout.service,
    ok: all.length === 0,
    tenants: { found: surveyed.tenants.length, known: surveyed.known, unfit: surveyed.unfit },
    tables,
    rows: rowsPerTenant(surveyed),
    crossing: surveyed.crossing,
    uniques,
    sequences,
    problems: all,
    notes: notesOf(layout, ground),
    estimatedSeconds: Math.ceil(rows / speed + surveyed.tenants.length * secondsPerTenant),
  };
}

const countedOf = ({ tables }: Surveyed, { number }: Part) =>
  tables.find(({ part }) => part.number === number)?.counted ?? [];

/** Decides for all tables together: a sorted copy of one would be older than what is read of the others by index. */
export function decideReading({ parts }: Layout, { source }: AdoptionGround, cacheBytes: number): 'index' | 'sorted' {
  const facts = parts.map((part) => ({ part, facts: source.find(({ name }) => name === part.table) }));
  const indexed = facts.every(({ part, facts: table }) =>
    (part.path[0]?.columns ?? [part.tenantColumn]).some((column) => table?.indexed.includes(column)),
  );
  // Unsorted, each row of a tenant may lie on a page of its own. Where the tables do not fit into memory, that is one
  // read from the disk for each row.
  const bytes = facts.reduce((sum, { facts: table }) => sum + (table?.bytes ?? 0), 0);
  return indexed && (cacheBytes === 0 || bytes <= cacheBytes) ? 'index' : 'sorted';
}

function describe(
  layout: Layout,
  part: Part,
  counted: readonly CountedRows[],
  known: ReadonlySet<string>,
): PlannedTable {
  const sum = (rows: readonly CountedRows[]) => rows.reduce((total, row) => total + row.rows, 0);
  const steps = part.path.map(({ columns, part: to }) => `${columns.join(', ')} → ${partAt(layout.parts, to).table}`);
  return {
    table: part.table,
    as: part.as,
    tenant: [...steps, part.tenantColumn].join('.'),
    joined: part.path.length > 0,
    rows: sum(counted.filter(({ sourceId }) => sourceId !== null && known.has(sourceId))),
    orphans: {
      null: sum(counted.filter(({ sourceId }) => sourceId === null)),
      unknown: sum(counted.filter(({ sourceId }) => sourceId !== null && !known.has(sourceId))),
      policy: part.orphans,
    },
    read: layout.read,
  };
}

function found(
  { unfit, crossing, uniques, tables: surveyed }: Omit<Surveyed, 'uniques'> & { uniques: readonly ChangedUnique[] },
  tables: readonly PlannedTable[],
): AdoptionProblem[] {
  const problems: AdoptionProblem[] = [];
  if (unfit.length > 0)
    problems.push({
      problem: 'unfit-tenants',
      table: null,
      words: `${unfit.length} rows cannot become tenants; name another column in \`tenants.tenantId\`, or an \`idPrefix\`.`,
    });
  for (const { table, orphans } of tables)
    if (orphans.policy === 'refuse' && orphans.null + orphans.unknown > 0)
      problems.push({
        problem: 'orphans',
        table,
        words: `${orphans.null} rows have no tenant and ${orphans.unknown} an unknown one. Give them one, or say \`orphans: 'leave'\`.`,
      });
  for (const { table, constraint, to, rows } of crossing)
    problems.push({
      problem: 'crossing',
      table,
      words: `${rows} rows refer to a row of "${to}" that their own tenant does not have (${constraint}).`,
    });
  for (const { table, constraint, columns, duplicates } of uniques)
    if (duplicates > 0)
      problems.push({
        problem: 'duplicates',
        table,
        words: `The tenant table requires (${columns.join(', ')}) to be unique (${constraint}); ${duplicates} groups of rows are not.`,
      });
  for (const { part, counted } of surveyed)
    for (const [column, rows] of nullsOf(counted))
      problems.push({
        problem: 'nulls',
        table: part.table,
        words: `"${column}" is null in ${rows} rows, which the tenant table does not allow.`,
      });
  return problems;
}

function nullsOf(counted: readonly CountedRows[]): [string, number][] {
  const sums = new Map<string, number>();
  for (const { nulls } of counted)
    for (const [name, n] of Object.entries(nulls)) sums.set(name, (sums.get(name) ?? 0) + n);
  return [...sums].filter(([, n]) => n > 0);
}

function rowsPerTenant({ tenants, tables }: Surveyed): AdoptionPlan['rows'] {
  const rows = new Map<string, Record<string, number>>(tenants.map(({ sourceId }) => [sourceId, {}]));
  for (const { part, counted } of tables)
    for (const { sourceId, rows: n } of counted) {
      const own = sourceId === null ? undefined : rows.get(sourceId);
      if (own) own[part.table] = n;
    }
  return tenants.map(({ tenant, sourceId }) => ({ tenant, sourceId, rows: rows.get(sourceId) ?? {} }));
}

function notesOf({ parts }: Layout, { source, target }: AdoptionGround): string[] {
  return parts.flatMap(({ table, as }) => {
    const [before, after] = [source.find(({ name }) => name === table), target.find(({ name }) => name === as)];
    return [
      ...(before?.otherUniques ?? []).map(
        (name) => `${table}: the unique index ${name} has an expression or a condition; compare it by hand`,
      ),
      ...(after?.otherUniques ?? []).map(
        (name) =>
          `${table}: the unique index ${name} of the tenant table has an expression or a condition; compare it by hand`,
      ),
      ...(after?.triggers ?? []).map(
        (name) => `${table}: the trigger ${name} of the tenant table runs for every row that is copied`,
      ),
    ];
  });
}
