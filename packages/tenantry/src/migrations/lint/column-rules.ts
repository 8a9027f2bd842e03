import type { ColumnDef, Constraint } from 'libpg-query';
import { type ColumnType, columnTypeOf, describeType, keepsRows, textOf } from './column-type.js';
import type { Complaint } from './lint-finding.js';
import type { LintState } from './lint-context.js';
import { isVolatile } from './volatile-default.js';

/** What speaks against any new column, in a new table too. Pure. */
export function* ofColumn({ colname = '', typeName, constraints = [] }: ColumnDef): Iterable<Complaint> {
  const { name } = columnTypeOf(typeName ?? {});
  if (/^(?:small|big)?serial[248]?$/.test(name)) {
    yield { rule: 'serial', message: `"${colname}" is ${name}` };
  }
  for (const node of constraints) {
    if ('Constraint' in node) yield* ofConstraintName(node.Constraint, colname);
  }
}

/** A name that PostgreSQL makes up, other than the one of a primary key. Pure. */
export function* ofConstraintName({ contype, conname }: Constraint, on: string): Iterable<Complaint> {
  const kind = { CONSTR_FOREIGN: 'foreign key', CONSTR_CHECK: 'check', CONSTR_UNIQUE: 'unique constraint' }[
    contype as string
  ];
  if (kind && conname === undefined) yield { rule: 'unnamed-constraint', message: `a ${kind} of "${on}" has no name` };
}

/** What speaks against a column that a table gets which existed before. Pure. */
export function* ofAddedColumn({ colname = '', typeName, constraints = [] }: ColumnDef): Iterable<Complaint> {
  const found = constraints.flatMap((node) => ('Constraint' in node ? [node.Constraint] : []));
  const of = (...types: string[]) => found.find(({ contype }) => types.includes(contype ?? ''));
  const fills = of('CONSTR_IDENTITY', 'CONSTR_GENERATED');
  const serial = /serial/.test(columnTypeOf(typeName ?? {}).name);
  const computedWhenRead = fills?.generated_kind === 'v';
  const defaultOf = of('CONSTR_DEFAULT');
  if (serial || (fills && !computedWhenRead)) {
    yield { rule: 'table-rewrite', message: `the new column "${colname}" is filled in every row` };
  } else if (defaultOf && isVolatile(defaultOf.raw_expr)) {
    yield { rule: 'table-rewrite', message: `the default of the new column "${colname}" may differ from row to row` };
  } else if (defaultOf && !isNull(defaultOf)) {
    yield { rule: 'constant-default', message: `the new column "${colname}" has a default` };
  }
  const filled = serial || fills || (defaultOf && !isNull(defaultOf));
  if (of('CONSTR_NOTNULL', 'CONSTR_PRIMARY') && !filled) {
    yield { rule: 'not-null-without-default', message: `the new column "${colname}" is not null and has no default` };
  }
}

function isNull({ raw_expr: expression }: Constraint): boolean {
  return expression !== undefined && 'A_Const' in expression && expression.A_Const.isnull === true;
}

/** What speaks against giving a column another type. Pure. */
export function* ofChangedType(state: LintState, table: string, name: string, def: ColumnDef): Iterable<Complaint> {
  const to = columnTypeOf(def.typeName ?? {});
  const from = state.known.get(table)?.columns.get(name);
  const converts = def.raw_default !== undefined && !isPlainCast(def, name, to);
  if (from && !converts && keepsRows(from, to)) return;
  const change = `"${table}"."${name}" becomes ${describeType(to)}`;
  if (from || converts || !mayBeHarmless(to)) {
    yield { rule: 'table-rewrite', message: from ? `${change}, from ${describeType(from)}` : change };
  } else {
    yield {
      rule: 'table-rewrite',
      level: 'warning',
      message: `${change}, from a type that no earlier migration mentions`,
    };
  }
}

/** `using ("name"::varchar(300))`, as generated, says no more than the type itself. */
function isPlainCast({ raw_default: using }: ColumnDef, name: string, to: ColumnType): boolean {
  if (!using || !('TypeCast' in using)) return false;
  const { arg, typeName } = using.TypeCast;
  const column = arg && 'ColumnRef' in arg ? textOf(arg.ColumnRef.fields?.at(-1)) : undefined;
  return column === name && describeType(columnTypeOf(typeName ?? {})) === describeType(to);
}

function mayBeHarmless({ name, array }: ColumnType): boolean {
  return !array && (name === 'text' || name === 'varchar');
}
