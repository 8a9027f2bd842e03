import { columnDefinition } from '../../drift/explain/column.js';
import { type Explainer, type Finding, qualified, type Sides } from '../../drift/explain/finding.js';
import { sequenceOptions } from '../../drift/explain/sequence.js';
import { policy, trigger } from '../../drift/explain/trigger.js';
import { type } from '../../drift/explain/type.js';
import { view } from '../../drift/explain/view.js';
import { type ObjectKind, type SchemaObject, SchemaObjects } from '../../drift/schema-object.js';
import { quoteLiteral } from '../../postgres/quote.js';
import type { SchemaPicture, TableRows } from './picture.js';

/** Rows of one insert. */
const rowsPerInsert = 100;

/**
 * The statements that make what a picture shows, without rights. Pure. Where one needs another they may be in the wrong order,
 * but what fills a table is after the table, and what would act on the rows is after them.
 *
 * @throws Error for what cannot be said in statements.
 */
export function templateStatements(picture: SchemaPicture, serverVersion: number): readonly string[] {
  const expected = new SchemaObjects(picture.objects);
  const sides: Sides = { expected, actual: new SchemaObjects([]), serverVersion };
  const all = expected.all.bind(expected);
  const made = (kind: 'type' | 'view' | 'trigger' | 'policy', explainer: Explainer<never>, objects = all(kind)) =>
    objects.flatMap((each) => repairOf(explainer as unknown as Explainer<ObjectKind>, each, sides));
  const constraints = all('constraint');
  const [foreign, own] = [
    constraints.filter(({ facts }) => !isInline(facts)),
    constraints.filter(({ facts }) => isInline(facts)),
  ];
  const views = all('view');
  return [
    ...made('type', type),
    ...all('sequence').flatMap(({ object, facts }) =>
      facts.identity ? [] : [`create sequence ${qualified(object)} as ${facts.type} ${sequenceOptions(facts)}`],
    ),
    ...all('function').map(({ object, facts }) => facts.definition?.trim() ?? refuse(`the aggregate ${object}`)),
    ...all('table').map(({ object }) => createTable(object, picture, sides, own)),
    ...made(
      'view',
      view,
      views.filter(({ facts }) => facts.form === 'v'),
    ),
    ...all('sequence').flatMap(({ object, facts }) =>
      facts.identity || facts.table === null || facts.column === null
        ? []
        : [`alter sequence ${qualified(object)} owned by ${qualified(facts.table)}.${facts.column}`],
    ),
    ...picture.tables.filter(({ form }) => form === 'r').flatMap(insertRows),
    ...[...Map.groupBy(foreign, ({ facts }) => facts.table)].map(
      ([table, each]) =>
        `alter table ${qualified(table)} ${each.map(({ facts }) => `add constraint ${facts.name} ${facts.definition}`).join(', ')}`,
    ),
    ...made(
      'view',
      view,
      views.filter(({ facts }) => facts.form === 'm'),
    ),
    ...all('index').map(({ facts }) => facts.definition),
    ...made('trigger', trigger),
    ...all('table').flatMap(({ object, facts }) => settings(object, facts)),
    ...made('policy', policy),
    ...setSequences(picture, expected),
    ...picture.comments.map(
      ({ kind, name, text }) =>
        `comment on ${kind.replace(/^.* (column|constraint)$/, '$1')} ${name} is ${quoteLiteral(text)}`,
    ),
  ];
}

/**
 * Whether a constraint is made with its table. Foreign keys come after the rows, and so does one that is NOT VALID,
 * because it never checked them.
 */
function isInline({ type: kind, definition }: { readonly type: string; readonly definition: string }): boolean {
  return kind !== 'f' && !definition.endsWith(' NOT VALID');
}

function repairOf(
  explainer: Explainer<ObjectKind>,
  { kind, object, facts }: SchemaObject,
  sides: Sides,
): readonly string[] {
  // Without rights: default privileges give most of them, and the rest is found by a comparison when everything is
  // there.
  const bare = 'acl' in facts ? { ...facts, acl: null } : facts;
  return explainer
    .missing(object, bare, sides)
    .flatMap(({ repair }: Finding) => repair ?? refuse(`the ${kind} ${object}`));
}

function createTable(
  object: string,
  picture: SchemaPicture,
  sides: Sides,
  constraints: readonly SchemaObject<'constraint'>[],
): string {
  const facts = sides.expected.get('table', object);
  if (!facts || facts.form !== 'r' || facts.parents !== null || facts.bound !== null)
    return refuse(`the partitioned, inherited or foreign table ${object}`);
  const order = picture.tables.find(({ table }) => table === object)?.columns ?? [];
  const columns = order.map((name) => {
    const column = sides.expected.get('column', `${object}.${name}`);
    if (!column) return refuse(`the column ${object}.${name}`);
    const constraint = picture.notNulls.get(`${object}.${name}`);
    const notNull = `${constraint === undefined ? '' : ` constraint ${constraint}`} not null`;
    return `${columnDefinition({ ...column, notNull: false }, sides)}${column.notNull ? notNull : ''}`;
  });
  const own = constraints
    .filter(({ facts: { table } }) => table === object)
    .map(({ facts: { name, definition } }) => `constraint ${name} ${definition}`);
  const options = facts.options === null ? '' : ` with (${facts.options.join(', ')})`;
  const unlogged = facts.persistence === 'u' ? 'unlogged ' : '';
  return `create ${unlogged}table ${qualified(object)} (${[...columns, ...own].join(', ')})${options}`;
}

function settings(
  object: string,
  facts: { readonly rowSecurity: boolean; readonly forced: boolean; readonly replicaIdentity: string },
): string[] {
  const alter = `alter table ${qualified(object)}`;
  const identity = { f: 'full', n: 'nothing' }[facts.replicaIdentity];
  return [
    ...(facts.rowSecurity ? [`${alter} enable row level security`] : []),
    ...(facts.forced ? [`${alter} force row level security`] : []),
    ...(identity === undefined ? [] : [`${alter} replica identity ${identity}`]),
  ];
}

function insertRows({ table, columns, stored, rows }: TableRows): string[] {
  const kept = columns.flatMap((column, index) => (stored.includes(column) ? [index] : []));
  if (rows.length > 0 && kept.length === 0) return refuse(`rows without columns in ${table}`);
  const values = rows.map((row) => `(${kept.map((index) => literalOf(row[index] ?? null)).join(', ')})`);
  const into = `insert into ${qualified(table)} (${stored.join(', ')}) overriding system value values`;
  return Array.from(
    { length: Math.ceil(values.length / rowsPerInsert) },
    (_, part) => `${into} ${values.slice(part * rowsPerInsert, (part + 1) * rowsPerInsert).join(', ')}`,
  );
}

function literalOf(cell: string | null): string {
  return cell === null ? 'null' : quoteLiteral(cell).trim();
}

function setSequences({ sequences }: SchemaPicture, expected: SchemaObjects): string[] {
  return sequences.flatMap(({ sequence, last, called }) => {
    if (!called && last === expected.get('sequence', sequence)?.start) return [];
    return [`select pg_catalog.setval('${qualified(sequence.replaceAll("'", "''"))}', ${last}, ${called})`];
  });
}

function refuse(what: string): never {
  throw new Error(`a template cannot say ${what}`);
}
