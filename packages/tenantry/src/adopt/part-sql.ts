import { quoteIdentifier as q, quoteLiteral } from '../postgres/quote.js';
import { type ColumnPair, type Layout, type Part, partAt } from './layout.js';

export const sourceTable = ({ schema, table }: Pick<Part, 'schema' | 'table'>) => `${q(schema)}.${q(table)}`;

export const tenantTable = ({ as }: Part, schema: string) => `${q(schema)}.${q(as)}`;

/**
 * A shared table `s0` and the tables on the way to its tenant, `s1` and so on.
 *
 * @param options - `steps` of the way, by default all; `as`, how the aliases begin.
 */
export function withTenant(
  { parts }: Pick<Layout, 'parts'>,
  part: Part,
  {
    join = 'join',
    steps = part.path.length,
    as = 's',
  }: { join?: 'join' | 'left join'; steps?: number; as?: string } = {},
): string {
  const joins = part.path.slice(0, steps).map(({ part: to, columns, toColumns }, index) => {
    const on = columns.map((column, at) => `${as}${index + 1}.${q(toColumns[at] ?? '')} = ${as}${index}.${q(column)}`);
    return ` ${join} ${sourceTable(partAt(parts, to))} ${as}${index + 1} on ${on.join(' and ')}`;
  });
  return `${sourceTable(part)} ${as}0${joins.join('')}`;
}

/** The tenant of a row of {@link withTenant}. */
export const tenantOf = ({ path, tenantColumn }: Part, as = 's') => `${as}${path.length}.${q(tenantColumn)}`;

/**
 * Condition on {@link withTenant}: the row belongs to this tenant. Written so that an index on the column can be used.
 */
export const isOf = (part: Part, sourceId: string, as = 's') =>
  `${tenantOf(part, as)} = ${quoteLiteral(sourceId)}::${part.tenantType}`;

/** A row's key, as it is captured. */
export const keyOf = (part: Part, alias: string, side: 'from' | 'to' = 'from') =>
  `pg_catalog.jsonb_build_array(${part.key.map((pair) => `${alias}.${q(pair[side])}`).join(', ')})`;

/** Condition: the row has the key that was captured in `c`. */
export function hasKey(part: Part, alias: string, schema?: string): string {
  const same = part.key.map((pair, at) => {
    const name = schema === undefined ? pair.from : pair.to;
    const type = schema === undefined ? pair.fromType : targetType(pair, schema);
    return `${alias}.${q(name)} = (c.key->>${at})::${type}`;
  });
  return same.join(' and ');
}

/** A value of the shared table as the type of the tenant table. */
export function asTarget(pair: ColumnPair, schema: string, value: string): string {
  return pair.throughText ? `${value}::text::${targetType(pair, schema)}` : value;
}

const targetType = ({ toType, ownType }: ColumnPair, schema: string) => toType ?? `${q(schema)}.${q(ownType ?? '')}`;

/** The values of a row of `s0` for a tenant table. */
export const selectFor = ({ columns }: Part, schema: string) =>
  columns.map((pair) => asTarget(pair, schema, `s0.${q(pair.from)}`)).join(', ');

export const targetColumns = ({ columns }: Part) => columns.map(({ to }) => q(to)).join(', ');

/** A number per row, the same on both sides for the same values. Sums of it do not depend on the order of rows. */
export function rowHash({ columns }: Part, alias: string, side: 'from' | 'to'): string {
  const values = columns.map((pair) => `${alias}.${q(pair[side])}${pair.throughText ? '::text' : ''}`);
  return `pg_catalog.hashtextextended(row(${values.join(', ')})::text, 0)`;
}

/** Moves the sequences of a tenant table past its greatest value. */
export function moveSequences(part: Part, schema: string): string[] {
  const table = tenantTable(part, schema);
  return part.sequences.map(
    (column) =>
      `select pg_catalog.setval(pg_catalog.pg_get_serial_sequence(${quoteLiteral(table)}, ${quoteLiteral(column)}), m)
         from (select max(${q(column)}) as m from ${table}) x where m >= 1`,
  );
}
