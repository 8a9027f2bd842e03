import type { ResolvedAdoptConfig } from './adopt-config.js';
import type { AdoptionGround, AdoptionProblem, Complain } from './adoption-ground.js';
import type { ColumnPair, Layout, Part, PathStep } from './layout.js';
import { orderParts } from './order-parts.js';
import type { RelationColumn, RelationFacts } from './relation.js';

/** Decides which column goes where, how a row finds its tenant, and the order of tables. Nothing is guessed: what does not fit is a problem. Pure. */
export function decideLayout(
  config: ResolvedAdoptConfig,
  ground: AdoptionGround,
): { layout: Layout; problems: AdoptionProblem[] } {
  const problems: AdoptionProblem[] = [];
  const complain: Complain = (problem, table, words) => void problems.push({ problem, table, words });
  checkTenants(config, ground, complain);
  checkRights(ground, complain);
  const parts = config.tables
    .map((_, index) => decidePart(config, ground, index, complain))
    .filter((part) => part !== undefined);
  const { schema = config.schema, table, id, name = null, tenantId = id, idPrefix } = config.tenants;
  const tenants = { schema, table, id, name, tenantId, idPrefix };
  const whole = parts.length === config.tables.length;
  const order = whole ? orderParts(parts, ground, complain) : [];
  return { layout: { service: config.service, tenants, parts, order, read: 'index' }, problems };
}

function checkTenants({ tenants: asked }: ResolvedAdoptConfig, { tenants }: AdoptionGround, complain: Complain): void {
  if (!tenants) return complain('no-table', asked.table, `There is no table "${asked.table}" with the tenants.`);
  for (const column of [asked.id, asked.name, asked.tenantId]) {
    if (column !== undefined && !tenants.columns.some(({ name }) => name === column))
      complain('no-column', asked.table, `The table with the tenants has no column "${column}".`);
  }
}

function checkRights({ source, tenants, mayWriteFunctions }: AdoptionGround, complain: Complain): void {
  for (const { name, owned } of tenants ? [...source, tenants] : source)
    if (!owned)
      complain(
        'not-owner',
        name,
        'The role of DATABASE_OWNER_URL neither owns it nor belongs to its owner, so it may not capture changes.',
      );
  if (!mayWriteFunctions)
    complain(
      'no-language',
      null,
      'The role of DATABASE_OWNER_URL may not write functions in plpgsql: grant it usage on the language until the adoption is finished.',
    );
}

function decidePart(
  config: ResolvedAdoptConfig,
  ground: AdoptionGround,
  number: number,
  complain: Complain,
): Part | undefined {
  const asked = config.tables[number];
  const { table = '', as = table, columns: renamed = {}, orphans = 'refuse' } = asked ?? {};
  const source = ground.source.find(({ name }) => name === table);
  const target = ground.target.find(({ name }) => name === as);
  if (!source) return complain('no-table', table, `There is no table "${table}" in the schema "${config.schema}".`);
  if (!target) return complain('no-target', table, `The tenant schemas of ${config.service} have no table "${as}".`);
  if (!['r', 'p'].includes(source.kind) || source.inherited)
    return complain('no-plain-table', table, 'It is a view or a foreign table, or other tables inherit from it.');
  if (source.primaryKey.length === 0)
    return complain('no-primary-key', table, 'It has no primary key, so its rows cannot be told apart.');
  const way = findWay(config, ground, number, complain);
  if (!way) return undefined;
  const columns = pairColumns(
    source,
    target,
    { table, renamed, tenantColumn: way.path.length ? null : way.tenantColumn },
    complain,
  );
  const names = source.primaryKey.filter((name) => way.path.length > 0 || name !== way.tenantColumn);
  const key = names.map((name) => columns.find(({ from }) => from === name)).filter((pair) => pair !== undefined);
  if (key.length === 0 || key.length < names.length)
    return complain('no-key', table, 'Its primary key is not among the copied columns, or is only the tenant column.');
  const uniques = [target.primaryKey, ...target.uniques.map((unique) => unique.columns)];
  if (
    !uniques.some((unique) =>
      sameNames(
        unique,
        key.map(({ to }) => to),
      ),
    )
  )
    return complain(
      'no-target-key',
      table,
      `The tenant table "${as}" has no primary key or unique constraint on (${key.map(({ to }) => to).join(', ')}).`,
    );
  const sequencesOf = (facts: RelationFacts) =>
    facts.columns.filter(({ sequence }) => sequence).map(({ name }) => name);
  const copied = new Set(columns.map(({ to }) => to));
  return {
    number,
    schema: config.schema,
    table,
    as,
    ...way,
    columns,
    key,
    sourceKey: source.primaryKey,
    sequences: sequencesOf(target).filter((name) => copied.has(name)),
    sourceSequences: sequencesOf(source),
    orphans,
  };
}

/** From a table to the one that has the tenant column. */
function findWay(
  config: ResolvedAdoptConfig,
  { source }: AdoptionGround,
  number: number,
  complain: Complain,
): Pick<Part, 'path' | 'tenantColumn' | 'tenantType'> | undefined {
  const path: PathStep[] = [];
  const start = config.tables[number]?.table ?? '';
  for (let at = number; path.length < config.tables.length;) {
    const asked = config.tables[at];
    const facts = source.find(({ name }) => name === asked?.table);
    if (!asked || !facts) return complain('no-way', start, 'A table on the way to its tenant is missing.');
    if (typeof asked.tenant === 'string') {
      const column = facts.columns.find(({ name }) => name === asked.tenant);
      if (!column || column.generated)
        return complain(
          'no-column',
          start,
          `"${asked.table}" has no column "${asked.tenant}" for the tenant, or it is generated.`,
        );
      return { path, tenantColumn: column.name, tenantType: column.castType ?? column.type };
    }
    const via = [asked.tenant.via].flat();
    const matching = facts.foreignKeys.filter(({ columns }) => sameNames(columns, via));
    const [key] = matching;
    const to = config.tables.findIndex(({ table }) => table === key?.toTable && key.toSchema === config.schema);
    if (!key || matching.length > 1 || to < 0)
      return complain(
        'no-way',
        start,
        `"${asked.table}" has no single foreign key (${via.join(', ')}) to another table of the list.`,
      );
    const parent = source.find(({ name }) => name === key.toTable);
    if (!parent || !sameNames(parent.primaryKey, key.toColumns))
      return complain(
        'no-way',
        start,
        `The foreign key ${key.name} does not lead to the primary key of "${key.toTable}".`,
      );
    path.push({ columns: key.columns, part: to, toColumns: key.toColumns });
    at = to;
  }
  return complain('no-way', start, 'The way to its tenant runs in a circle.');
}

interface Pairing {
  readonly table: string;
  readonly renamed: Readonly<Record<string, string | null>>;
  /** Not copied. */
  readonly tenantColumn: string | null;
}

function pairColumns(
  source: RelationFacts,
  target: RelationFacts,
  { table, renamed, tenantColumn }: Pairing,
  complain: Complain,
): ColumnPair[] {
  for (const name of Object.keys(renamed)) {
    if (!source.columns.some((column) => column.name === name))
      complain('no-column', table, `It has no column "${name}", which \`columns\` names.`);
  }
  const pairs: ColumnPair[] = [];
  for (const column of source.columns) {
    const to = Object.hasOwn(renamed, column.name) ? renamed[column.name] : column.name;
    if (column.name === tenantColumn || to === null || to === undefined) continue;
    const partner = target.columns.find(({ name }) => name === to);
    if (!partner)
      complain(
        'no-target-column',
        table,
        `The tenant table "${target.name}" has no column "${to}". Name another in \`columns\`, or null to leave it out.`,
      );
    else if (partner.type !== column.type)
      complain(
        'other-type',
        table,
        `"${column.name}" has the type ${column.type}; in the tenant table it has ${partner.type}.`,
      );
    else if (!partner.generated) pairs.push(pairOf(column, partner));
  }
  const filled = new Set(pairs.map(({ to }) => to));
  for (const { name, notNull, hasDefault, generated } of target.columns) {
    if (notNull && !hasDefault && !generated && !filled.has(name))
      complain('unfilled', table, `The tenant table "${target.name}" needs "${name}", which nothing fills.`);
  }
  return pairs;
}

function pairOf(column: RelationColumn, partner: RelationColumn): ColumnPair {
  return {
    from: column.name,
    to: partner.name,
    throughText: column.isEnum,
    toType: partner.castType,
    ownType: partner.ownType,
    fromType: column.castType ?? column.type,
    computed: column.generated,
  };
}

export function sameNames(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name) => other.includes(name));
}
