import type { Node } from 'libpg-query';
import { textOf } from './column-type.js';

/** Functions that PostgreSQL evaluates once for all old rows, so that a default of them rewrites nothing. */
export const steadyFunctions: ReadonlySet<string> = new Set([
  'now',
  'transaction_timestamp',
  'statement_timestamp',
  'current_schema',
  'current_setting',
  'timezone',
  'date_trunc',
  'date_part',
  'make_interval',
  'make_date',
  'to_char',
  'to_timestamp',
  'to_json',
  'to_jsonb',
  'json_build_object',
  'json_build_array',
  'jsonb_build_object',
  'jsonb_build_array',
  'lower',
  'upper',
  'concat',
  'md5',
  'repeat',
  'replace',
  'left',
  'right',
  'round',
  'floor',
  'ceil',
  'abs',
]);

/** Whether an expression may differ from row to row. A function that we do not know may: PostgreSQL assumes the same. Pure. */
export function isVolatile(expression: Node | undefined): boolean {
  return mentionsVolatile(expression);
}

function mentionsVolatile(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(mentionsVolatile);
  if (typeof value !== 'object' || value === null) return false;
  const { FuncCall: call } = value as { FuncCall?: { funcname?: Node[] } };
  if (call && !steadyFunctions.has(textOf(call.funcname?.at(-1)))) return true;
  return Object.values(value).some(mentionsVolatile);
}
