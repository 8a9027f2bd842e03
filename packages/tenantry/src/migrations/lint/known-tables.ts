import type { AlterTableCmd, ColumnDef, Constraint, Node } from 'libpg-query';
import { type ColumnType, columnTypeOf, textOf } from './column-type.js';
import { loadSqlParser } from './sql-parser.js';

/** What is known of a table from the statements that made it. */
export interface KnownTable {
  readonly columns: ReadonlyMap<string, ColumnType>;
  /** Constraints that say which columns are not null, and whether they were validated. */
  readonly notNullChecks: ReadonlyMap<string, { readonly columns: readonly string[]; readonly valid: boolean }>;
}

/** Tables by name. */
export type KnownTables = ReadonlyMap<string, KnownTable>;

/**
 * What is known after statements ran: the `before` of the next migration's lint. Statements that do not parse teach nothing.
 */
export async function tablesAfter(
  statements: readonly string[],
  before: KnownTables = new Map(),
): Promise<KnownTables> {
  const parser = await loadSqlParser();
  let known = before;
  for (const statement of statements) {
    try {
      for (const { node } of parser.parse(statement)) known = learn(known, node);
    } catch {
      continue;
    }
  }
  return known;
}

/** The same for one parsed statement. Pure. */
export function learn(known: KnownTables, node: Node): KnownTables {
  if ('CreateStmt' in node) {
    const { relation, tableElts = [] } = node.CreateStmt;
    const columns = tableElts.flatMap((element) => ('ColumnDef' in element ? [typedColumn(element.ColumnDef)] : []));
    return withTable(known, relation?.relname, { columns: new Map(columns), notNullChecks: new Map() });
  }
  if ('AlterTableStmt' in node) {
    const { relation, cmds = [] } = node.AlterTableStmt;
    const before = known.get(relation?.relname ?? '') ?? { columns: new Map(), notNullChecks: new Map() };
    const after = cmds.reduce(
      (table, cmd) => ('AlterTableCmd' in cmd ? altered(table, cmd.AlterTableCmd) : table),
      before,
    );
    return withTable(known, relation?.relname, after);
  }
  if ('RenameStmt' in node) {
    const { renameType, relation, subname = '', newname = '' } = node.RenameStmt;
    const table = known.get(relation?.relname ?? '');
    if (!table) return known;
    if (renameType === 'OBJECT_TABLE') return withTable(known, newname, table);
    if (renameType === 'OBJECT_COLUMN') return withTable(known, relation?.relname, renamed(table, subname, newname));
  }
  return known;
}

function altered(table: KnownTable, { subtype, name = '', def }: AlterTableCmd): KnownTable {
  if (subtype === 'AT_AddColumn' && def && 'ColumnDef' in def) {
    return { ...table, columns: new Map([...table.columns, typedColumn(def.ColumnDef)]) };
  }
  if (subtype === 'AT_AlterColumnType' && def && 'ColumnDef' in def) {
    return { ...table, columns: new Map([...table.columns, typedColumn({ ...def.ColumnDef, colname: name })]) };
  }
  if (subtype === 'AT_AddConstraint' && def && 'Constraint' in def) {
    const { conname = '', skip_validation: skipped = false } = def.Constraint;
    const check = { columns: notNullColumns(def.Constraint), valid: !skipped };
    return { ...table, notNullChecks: new Map([...table.notNullChecks, [conname, check]]) };
  }
  const check = table.notNullChecks.get(name);
  if (subtype === 'AT_ValidateConstraint' && check) {
    return { ...table, notNullChecks: new Map([...table.notNullChecks, [name, { ...check, valid: true }]]) };
  }
  if (subtype === 'AT_DropConstraint' && check) {
    return { ...table, notNullChecks: new Map([...table.notNullChecks].filter(([key]) => key !== name)) };
  }
  return table;
}

function typedColumn({ colname = '', typeName }: ColumnDef): [string, ColumnType] {
  return [colname, columnTypeOf(typeName ?? {})];
}

function notNullColumns({ contype, keys = [], raw_expr: expression }: Constraint): string[] {
  if (contype === 'CONSTR_NOTNULL') return keys.map(textOf);
  return contype === 'CONSTR_CHECK' && expression ? columnsNotNull(expression) : [];
}

function columnsNotNull(expression: Node): string[] {
  if ('BoolExpr' in expression && expression.BoolExpr.boolop === 'AND_EXPR') {
    return (expression.BoolExpr.args ?? []).flatMap(columnsNotNull);
  }
  if (!('NullTest' in expression) || expression.NullTest.nulltesttype !== 'IS_NOT_NULL') return [];
  const { arg } = expression.NullTest;
  return arg && 'ColumnRef' in arg ? [textOf(arg.ColumnRef.fields?.at(-1))] : [];
}

function renamed(table: KnownTable, from: string, to: string): KnownTable {
  const name = (column: string) => (column === from ? to : column);
  return {
    columns: new Map([...table.columns].map(([column, type]) => [name(column), type])),
    notNullChecks: new Map(
      [...table.notNullChecks].map(([key, { columns, valid }]) => [key, { columns: columns.map(name), valid }]),
    ),
  };
}

function withTable(known: KnownTables, name: string | undefined, table: KnownTable): KnownTables {
  return name === undefined ? known : new Map([...known, [name, table]]);
}
