import type pg from 'pg';
import { maskSchemas, maskValue } from '../../drift/placeholders.js';
import { readObjects, type SchemaNames } from '../../drift/read-subjects.js';
import type { SchemaObject } from '../../drift/schema-object.js';
import { one } from '../../postgres/one.js';
import { quoteIdentifier } from '../../postgres/quote.js';
import { columnsSql, commentsSql, detailsSql, notNullsSql } from './picture-sql.js';

/** Rows of seed data that a template may have; with more a replay is used. */
const rowsMax = 1000;
/** The same in characters. */
const charactersMax = 1_000_000;

/** The rows of one table or materialized view, as PostgreSQL's own text, in the order in which they lie. */
export interface TableRows {
  readonly table: string;
  readonly form: 'r' | 'm';
  readonly columns: readonly string[];
  /** Of `columns`, those with a value of their own. */
  readonly stored: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
}

/** A comment on something in a schema. */
export interface ObjectComment {
  readonly kind: string;
  readonly name: string;
  readonly text: string;
}

/** Where a sequence stands. */
export interface SequenceState {
  readonly sequence: string;
  readonly last: string;
  readonly called: boolean;
}

/** All there is in one schema. Its own name is a placeholder, but not in its rows. */
export interface SchemaPicture {
  /** As the look for drift sees them, by kind and name. */
  readonly objects: readonly SchemaObject[];
  readonly details: readonly string[];
  readonly comments: readonly ObjectComment[];
  /** By column, `table.column`. */
  readonly notNulls: ReadonlyMap<string, string>;
  readonly tables: readonly TableRows[];
  readonly sequences: readonly SequenceState[];
}

/**
 * Reads a schema whole.
 *
 * @throws Error when it has more rows than a template may have.
 */
export async function readPicture(client: pg.ClientBase, names: SchemaNames): Promise<SchemaPicture> {
  const { schema } = names;
  await client.query("set local search_path to ''");
  const query = async <T extends pg.QueryResultRow>(text: string) => (await client.query<T>(text, [schema])).rows;
  const objects = one(await readObjects(client, [names]), 'what is in a schema');
  const details = await query<{ detail: unknown }>(detailsSql);
  const comments = await query<ObjectComment & pg.QueryResultRow>(commentsSql);
  const notNulls = await query<{ column: string; name: string }>(notNullsSql);
  const masked = maskValue(objects, [schema]);
  return {
    objects: masked.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)),
    details: details.map(({ detail }) => JSON.stringify(maskValue(detail, [schema]))).toSorted(),
    comments: comments.map(({ kind, name, text }) => ({ kind, name: maskSchemas(name, [schema]), text })),
    notNulls: new Map(notNulls.map(({ column, name }) => [column, name])),
    tables: await readTables(client, schema),
    sequences: await readSequences(client, schema, masked),
  };
}

function keyOf({ kind, object }: SchemaObject): string {
  return `${kind} ${object}`;
}

async function readTables(client: pg.ClientBase, schema: string): Promise<TableRows[]> {
  const { rows: found } = await client.query<Omit<TableRows, 'rows'>>(columnsSql, [schema]);
  const tables: TableRows[] = [];
  let [rowsLeft, charactersLeft] = [rowsMax, charactersMax];
  for (const { table, form, columns, stored } of found) {
    const { rows } = await client.query<(string | null)[]>({
      text: `select ${columns.join(', ')} from ${quoteIdentifier(schema)}.${table} order by ctid limit ${rowsLeft + 1}`,
      rowMode: 'array',
      types: { getTypeParser: () => (text: string) => text },
    } as unknown as pg.QueryArrayConfig);
    rowsLeft -= rows.length;
    charactersLeft -= rows.flat().reduce((sum, cell) => sum + (cell?.length ?? 0), 0);
    if (rowsLeft < 0 || charactersLeft < 0) throw new Error('its migrations insert more rows than a template may have');
    tables.push({ table, form, columns, stored, rows });
  }
  return tables;
}

async function readSequences(
  client: pg.ClientBase,
  schema: string,
  objects: readonly SchemaObject[],
): Promise<SequenceState[]> {
  const states: SequenceState[] = [];
  for (const { object: sequence } of objects.filter(({ kind }) => kind === 'sequence')) {
    const { rows } = await client.query<Omit<SequenceState, 'sequence'>>(
      `select last_value::text as last, is_called as called from ${quoteIdentifier(schema)}.${sequence}`,
    );
    states.push({ sequence, ...one(rows, `select … from ${sequence}`) });
  }
  return states.toSorted((a, b) => (a.sequence < b.sequence ? -1 : 1));
}

/** What differs first between two schemas, in words; `undefined` when they are the same in everything, rows included. Pure. */
export function differenceOf(first: SchemaPicture, second: SchemaPicture): string | undefined {
  const detail =
    first.details.find((each) => !second.details.includes(each)) ??
    second.details.find((each) => !first.details.includes(each));
  if (detail !== undefined) return `a detail differs: ${detail.slice(0, 200)}`;
  const object = first.objects.find((each, index) => JSON.stringify(each) !== JSON.stringify(second.objects[index]));
  if (object || first.objects.length !== second.objects.length)
    return `the ${object?.kind ?? 'object'} ${object?.object ?? ''} differs`;
  const table = first.tables.find((each, index) => JSON.stringify(each) !== JSON.stringify(second.tables[index]));
  if (table) return `the rows of ${table.table} differ`;
  const sequence = first.sequences.find(
    (each, index) => JSON.stringify(each) !== JSON.stringify(second.sequences[index]),
  );
  if (sequence) return `the sequence ${sequence.sequence} stands elsewhere`;
  if (JSON.stringify(first.comments) !== JSON.stringify(second.comments)) return 'a comment differs';
  return undefined;
}
