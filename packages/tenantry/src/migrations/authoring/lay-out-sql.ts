import { TenancyError } from '../../errors/tenancy-error.js';
import type { ParsedStatement, SqlParser } from '../lint/sql-parser.js';

/**
 * Splits generated SQL into its statements, and lays out the long ones as a person would write them: `create table` with a
 * line per column.
 *
 * @throws TenancyError `TENANCY_OPTION_INVALID` for SQL that does not parse.
 */
export function layOutSql(parser: SqlParser, sql: string): string[] {
  return parse(parser, sql).map(({ node, text }) => ('CreateStmt' in node ? linePerColumn(text) : sure(text)));
}

function parse(parser: SqlParser, sql: string): readonly ParsedStatement[] {
  try {
    return parser.parse(sql);
  } catch (cause) {
    const reason = `MikroORM makes SQL of them that PostgreSQL cannot read (${(cause as Error).message}); look for quotes in defaults, checks and comments:\n${sql}`;
    throw new TenancyError('TENANCY_OPTION_INVALID', { option: 'entities', reason }, { cause });
  }
}

/** With `if exists`, a table that is missing here would be looked for in the shared schemas on the search path, and dropped there. */
function sure(text: string): string {
  return text.replace(/^(drop (?:table|view|materialized view)) if exists /, '$1 ');
}

/** Breaks the outermost parentheses at their commas; what is quoted or nested stays as it is. */
function linePerColumn(text: string): string {
  let depth = 0;
  let broken = '';
  for (const [piece] of text.matchAll(/"(?:[^"]|"")*"|'(?:[^']|'')*'|, ?|[^"',()]+|[()]/g)) {
    if (piece === ')' && --depth === 0) broken += '\n)';
    else if (piece === '(' && depth++ === 0) broken += '(\n  ';
    else if (piece.startsWith(',') && depth === 1) broken += ',\n  ';
    else broken += piece;
  }
  return broken;
}
