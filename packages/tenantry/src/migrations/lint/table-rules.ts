import type { AlterTableCmd, Constraint, CreateStmt } from 'libpg-query';
import { ofAddedColumn, ofChangedType, ofColumn, ofConstraintName } from './column-rules.js';
import type { Complaint } from './lint-finding.js';
import type { LintState } from './lint-context.js';

/** What speaks against `create table`. Pure. */
export function* ofNewTable({ relation, tableElts = [], inhRelations, partbound }: CreateStmt): Iterable<Complaint> {
  const table = relation?.relname ?? '';
  const constraints = tableElts.flatMap((node) => ('Constraint' in node ? [node.Constraint] : []));
  const columns = tableElts.flatMap((node) => ('ColumnDef' in node ? [node.ColumnDef] : []));
  for (const column of columns) yield* ofColumn(column);
  for (const constraint of constraints) yield* ofConstraintName(constraint, table);
  const ofColumns = columns.flatMap(({ constraints: own = [] }) =>
    own.flatMap((node) => ('Constraint' in node ? [node.Constraint] : [])),
  );
  const hasKey = [...constraints, ...ofColumns].some(({ contype }) => contype === 'CONSTR_PRIMARY');
  const copies = tableElts.some((node) => 'TableLikeClause' in node);
  const temporary = relation?.relpersistence === 't';
  if (!hasKey && !copies && !temporary && !inhRelations?.length && !partbound) {
    yield { rule: 'table-without-primary-key', message: `"${table}" has no primary key` };
  }
}

const rewriting: Readonly<Record<string, string>> = {
  AT_SetLogged: 'set logged',
  AT_SetUnLogged: 'set unlogged',
  AT_SetTableSpace: 'set tablespace',
  AT_SetAccessMethod: 'set access method',
  AT_SetExpression: 'another expression for a generated column',
};

/** What speaks against one part of `alter table`. Pure. */
export function* ofTableChange(state: LintState, table: string, cmd: AlterTableCmd): Iterable<Complaint> {
  const { subtype = '', name = '', def } = cmd;
  const existed = !state.created.has(table);
  if (def && 'ColumnDef' in def && subtype === 'AT_AddColumn') {
    yield* ofColumn(def.ColumnDef);
    if (!existed) return;
    yield* onlyWhere(state.context.tenant, ofAddedColumn(def.ColumnDef));
    for (const node of def.ColumnDef.constraints ?? []) {
      if ('Constraint' in node) yield* ofAddedConstraint(state, table, node.Constraint);
    }
  }
  if (def && 'Constraint' in def && subtype === 'AT_AddConstraint') {
    yield* ofConstraintName(def.Constraint, table);
    if (existed) yield* ofAddedConstraint(state, table, def.Constraint);
  }
  if (!existed) return;
  if (def && 'ColumnDef' in def && subtype === 'AT_AlterColumnType') {
    yield* ofChangedType(state, table, name, def.ColumnDef);
  }
  if (subtype in rewriting) yield { rule: 'table-rewrite', message: `${rewriting[subtype]} rewrites "${table}"` };
  if (subtype === 'AT_SetNotNull' && !isProven(state, table, name)) {
    yield { rule: 'set-not-null', message: `"${table}"."${name}" becomes not null` };
  }
}

/** The catalog that a default reads is large only where a database holds many tenants' tables: the shared ones are few. */
function* onlyWhere(tenant: boolean, complaints: Iterable<Complaint>): Iterable<Complaint> {
  for (const complaint of complaints) if (tenant || complaint.rule !== 'constant-default') yield complaint;
}

function isProven({ known }: LintState, table: string, column: string): boolean {
  const checks = known.get(table)?.notNullChecks.values() ?? [];
  return [...checks].some(({ columns, valid }) => valid && columns.includes(column));
}

/** A constraint that a table gets which existed before. */
function* ofAddedConstraint(state: LintState, table: string, constraint: Constraint): Iterable<Complaint> {
  const { contype = '', conname = '', skip_validation: skipped, indexname } = constraint;
  if (contype === 'CONSTR_FOREIGN' || contype === 'CONSTR_CHECK') {
    if (!skipped) yield { rule: 'constraint-validates', message: `"${conname}" reads every row of "${table}"` };
    return;
  }
  const builds = ['CONSTR_UNIQUE', 'CONSTR_PRIMARY', 'CONSTR_EXCLUSION'].includes(contype) && indexname === undefined;
  if (builds) yield* ofIndex(state, table, `the constraint "${conname}"`);
}

/** An index that is built while writers wait. Pure. */
export function* ofIndex({ context, created }: LintState, table: string, what: string): Iterable<Complaint> {
  if (created.has(table)) return;
  const { largeTables } = context;
  const rows = largeTables?.get(table);
  if (largeTables && rows === undefined) return;
  const many = rows === undefined ? '' : `, which has ${rows.toLocaleString('en')} rows somewhere`;
  yield {
    rule: 'index-not-concurrent',
    level: rows === undefined ? 'warning' : 'error',
    message: `${what} is built while writes to "${table}"${many} wait`,
    table,
  };
}
