import type { Node } from 'libpg-query';
import { readAllowances } from './allowances.js';
import { learn } from './known-tables.js';
import type { LintContext, LintState } from './lint-context.js';
import type { Complaint, LintFinding } from './lint-finding.js';
import { lintRules } from './lint-rules.js';
import { learnEnums, noNewEnums, ofNewValues } from './new-enum-values.js';
import { loadSqlParser, type SqlParser } from './sql-parser.js';
import { complaintsOf } from './statement-rules.js';

/**
 * What would hurt a fleet in one migration. It reads nothing but its arguments; only the parser is loaded once.
 *
 * @param statements - In order, each one statement, as `compileMigrations` returns them.
 * @example
 * ```ts
 * const findings = await lintMigration(['create index item_sku on item (sku)'], { kind: 'sql', tenant: true });
 * ```
 */
export async function lintMigration(
  statements: readonly string[],
  context: LintContext,
): Promise<readonly LintFinding[]> {
  const parser = await loadSqlParser();
  const findings: LintFinding[] = [];
  let state: LintState = { context, created: new Set(), known: context.before ?? new Map(), enums: noNewEnums };
  for (const [statement, sql] of statements.entries()) {
    const { nodes, complaints } = read(parser, sql, state);
    for (const { rule, level = lintRules[rule].level, message, table } of complaints) {
      const about = table === undefined ? {} : { table };
      findings.push({ rule, level, message: `${message}; ${lintRules[rule].instead}`, statement, sql, ...about });
    }
    for (const node of nodes) state = after(state, node);
  }
  return findings;
}

function read(parser: SqlParser, sql: string, state: LintState): { nodes: Node[]; complaints: Complaint[] } {
  let nodes: Node[];
  try {
    nodes = parser.parse(sql).map(({ node }) => node);
  } catch (error) {
    // Code may use `?` for its values, which only the ORM understands.
    if (state.context.kind === 'code') return { nodes: [], complaints: [...ofNewValues(sql, undefined, state)] };
    return { nodes: [], complaints: [{ rule: 'syntax-error', message: (error as Error).message }] };
  }
  const { allowed, refused } = readAllowances(parser.comments(sql));
  const complaints: Complaint[] = refused.map((message) => ({ rule: 'allow-without-reason', message }));
  if (nodes.length > 1)
    complaints.push({ rule: 'multiple-statements', message: `it holds ${nodes.length} statements` });
  for (const node of nodes) complaints.push(...complaintsOf(node, state), ...ofNewValues(sql, node, state));
  return { nodes, complaints: complaints.filter(({ rule }) => !allowed.has(rule)) };
}

function after(state: LintState, node: Node): LintState {
  const known = learn(state.known, node);
  const made =
    'CreateStmt' in node
      ? node.CreateStmt.relation?.relname
      : 'CreateTableAsStmt' in node
        ? node.CreateTableAsStmt.into?.rel?.relname
        : undefined;
  // With `if not exists` the table may be an older one, so it is not treated as new.
  const sure = made !== undefined && !('CreateStmt' in node && node.CreateStmt.if_not_exists);
  const enums = learnEnums(state.enums, node);
  return { ...state, known, enums, created: sure ? new Set([...state.created, made]) : state.created };
}
