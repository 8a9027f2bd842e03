import type pg from 'pg';
import { one } from '../../postgres/one.js';
import { quoteIdentifier } from '../../postgres/quote.js';

/** A column of a table that holds rows. */
export interface TableColumn {
  readonly name: string;
  /** As PostgreSQL writes it, without the schema's name. */
  readonly type: string;
  /** Computed by PostgreSQL, so nobody may write it. */
  readonly generated: boolean;
  /** The type with its schema's name, where it is made in the schema itself: a copy in another schema has another type. */
  readonly ownType: string | null;
}

/** A table that holds rows: an ordinary one, or a partition. */
export interface RowTable {
  readonly name: string;
  readonly columns: readonly TableColumn[];
  /** Bytes on disk. */
  readonly bytes: number;
}

/** Everything in a schema that has contents. */
export interface SchemaContents {
  /** By name. */
  readonly tables: readonly RowTable[];
  readonly sequences: readonly string[];
  /** Materialized views with rows, in the order in which they were made. */
  readonly filledViews: readonly string[];
  /** Tables whose rows are elsewhere. */
  readonly foreignTables: readonly string[];
}

/** Members are found through `pg_depend`: `pg_class` has no index that begins with the schema. */
const relations = `
  with rel as materialized (
    select c.oid, c.relname, c.relkind, c.relispopulated, n.nspname
      from pg_namespace n
      join pg_depend d on d.refclassid = 'pg_namespace'::regclass and d.refobjid = n.oid and d.deptype = 'n' and d.classid = 'pg_class'::regclass
      join pg_class c on c.oid = d.objid
     where n.nspname = $1
  )`;

/** Needs an empty search path, so that types are written with their schema. */
export async function readContents(client: pg.ClientBase, schema: string): Promise<SchemaContents> {
  const { rows } = await client.query<SchemaContents>(
    `${relations}
     select coalesce((select json_agg(json_build_object('name', relname, 'bytes', pg_table_size(r.oid), 'columns', coalesce(
                        (select json_agg(json_build_object('name', attname, 'generated', attgenerated <> '',
                                  'type', replace(format_type(atttypid, atttypmod), quote_ident(nspname) || '.', ''),
                                  'ownType', case when coalesce(e.typnamespace, t.typnamespace) = (select oid from pg_namespace where nspname = $1)
                                                  then format_type(atttypid, atttypmod) end) order by attnum)
                           from pg_attribute join pg_type t on t.oid = atttypid left join pg_type e on e.oid = t.typelem and t.typcategory = 'A'
                          where attrelid = r.oid and attnum > 0 and not attisdropped), '[]')) order by relname)
                        from rel r where relkind = 'r'), '[]') as tables,
            array(select relname::text from rel where relkind = 'S' order by 1) as sequences,
            array(select relname::text from rel where relkind = 'm' and relispopulated order by oid) as "filledViews",
            array(select relname::text from rel where relkind = 'f' order by 1) as "foreignTables"`,
    [schema],
  );
  return one(rows, 'what is to be copied of a schema');
}

/** Where a sequence stands; the number as text, it has 64 bits. */
export interface SequenceState {
  readonly name: string;
  readonly lastValue: string;
  readonly isCalled: boolean;
}

/** Sequences are not part of a snapshot. Read after it was taken, they are past every number in its rows. */
export async function readSequences(
  client: pg.ClientBase,
  schema: string,
  names: readonly string[],
): Promise<SequenceState[]> {
  if (names.length === 0) return [];
  const each = names.map(
    (name, index) =>
      `select ${index} as place, last_value::text as "lastValue", is_called as "isCalled" from ${nameIn(schema, name)}`,
  );
  const { rows } = await client.query<Omit<SequenceState, 'name'> & { place: number }>(each.join(' union all '));
  return rows
    .toSorted((a, b) => a.place - b.place)
    .map(({ place, lastValue, isCalled }) => ({ name: names[place] ?? '', lastValue, isCalled }));
}

/** Sets sequences to where the original's stood. */
export async function setSequences(
  client: pg.ClientBase,
  schema: string,
  states: readonly SequenceState[],
): Promise<void> {
  await client.query(
    `select setval(s.name::regclass, s.last_value, s.is_called) from unnest($1::text[], $2::bigint[], $3::bool[]) s (name, last_value, is_called)`,
    [
      states.map(({ name }) => nameIn(schema, name)),
      states.map(({ lastValue }) => lastValue),
      states.map(({ isCalled }) => isCalled),
    ],
  );
}

/** A qualified name, quoted. */
export function nameIn(schema: string, name: string): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

/** The columns that are written, as a list for SQL. */
export function writtenColumns({ columns }: { columns: readonly Pick<TableColumn, 'name' | 'generated'>[] }): string {
  return columns
    .filter(({ generated }) => !generated)
    .map(({ name }) => quoteIdentifier(name))
    .join(', ');
}
