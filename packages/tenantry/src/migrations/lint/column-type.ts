import type { Node, TypeName } from 'libpg-query';

/** A column's type, as far as it decides whether a change of it rewrites the table. */
export interface ColumnType {
  /** PostgreSQL's own name: `int4`, `varchar`, `timestamptz`. */
  readonly name: string;
  /** Lengths and precisions: `[10, 2]` of `numeric(10,2)`. */
  readonly sizes: readonly number[];
  readonly array: boolean;
}

/** Reads a type from a parsed statement. */
export function columnTypeOf(type: TypeName): ColumnType {
  return {
    name: textOf(type.names?.at(-1)),
    sizes: (type.typmods ?? []).map((node) => ('A_Const' in node ? (node.A_Const.ival?.ival ?? 0) : Number.NaN)),
    array: (type.arrayBounds?.length ?? 0) > 0,
  };
}

/** The text of a name in a parsed statement. */
export function textOf(node: Node | undefined): string {
  return node !== undefined && 'String' in node ? (node.String.sval ?? '') : '';
}

const toWithoutSize: Readonly<Record<string, readonly string[]>> = {
  varchar: ['varchar', 'text'],
  text: ['varchar', 'text'],
  numeric: ['numeric'],
  varbit: ['varbit'],
  timestamp: ['timestamp'],
  timestamptz: ['timestamptz'],
  time: ['time'],
  timetz: ['timetz'],
  cidr: ['cidr', 'inet'],
};
const growing = new Set(['varchar', 'varbit', 'timestamp', 'timestamptz', 'time', 'timetz']);

/** Whether PostgreSQL changes one type into another without touching a row. Pure. */
export function keepsRows(from: ColumnType, to: ColumnType): boolean {
  if (from.array !== to.array) return false;
  if (from.name === to.name && from.sizes.join() === to.sizes.join()) return true;
  if (from.array) return false;
  if (to.sizes.length === 0) return toWithoutSize[from.name]?.includes(to.name) ?? false;
  if (from.name !== to.name || from.sizes.length === 0) return false;
  const [[fromSize = 0, fromScale = 0], [toSize = 0, toScale = 0]] = [from.sizes, to.sizes];
  if (from.name === 'numeric') return toSize >= fromSize && toScale === fromScale;
  return growing.has(from.name) && toSize >= fromSize;
}

/** As one writes it. */
export function describeType({ name, sizes, array }: ColumnType): string {
  return `${name}${sizes.length > 0 ? `(${sizes.join(',')})` : ''}${array ? '[]' : ''}`;
}
