import type { Node } from 'libpg-query';
import { textOf } from './column-type.js';
import type { LintState, NewEnums } from './lint-context.js';
import type { Complaint } from './lint-finding.js';

/** At the beginning of a migration. */
export const noNewEnums: NewEnums = { made: new Set(), values: new Set() };

/** The same after one statement. Pure. */
export function learnEnums(enums: NewEnums, node: Node): NewEnums {
  if ('CreateEnumStmt' in node) {
    return { ...enums, made: new Set([...enums.made, textOf(node.CreateEnumStmt.typeName?.at(-1))]) };
  }
  if (!('AlterEnumStmt' in node)) return enums;
  const { typeName, newVal, oldVal } = node.AlterEnumStmt;
  // A renamed value may be used at once; only an added one must be committed first.
  if (newVal === undefined || oldVal || enums.made.has(textOf(typeName?.at(-1)))) return enums;
  return { ...enums, values: new Set([...enums.values, newVal]) };
}

/**
 * What speaks against a statement that has a new value in it. By its text, so that blocks, bodies of functions and values of
 * code are looked at as well. Pure.
 */
export function* ofNewValues(sql: string, node: Node | undefined, { context, enums }: LintState): Iterable<Complaint> {
  if (context.kind === 'outside' || (node && usesNothing(node))) return;
  for (const value of enums.values) {
    const literals = [`'${value.replaceAll("'", "''")}'`, JSON.stringify(value)];
    if (literals.some((literal) => sql.includes(literal)))
      yield { rule: 'enum-value-used-at-once', message: `it uses '${value}', which this migration adds to an enum` };
  }
}

/** Statements whose texts PostgreSQL does not turn into values: other changes of an enum, comments, bodies that are read when they run. */
function usesNothing(node: Node): boolean {
  if (!('CreateFunctionStmt' in node)) return 'AlterEnumStmt' in node || 'CommentStmt' in node;
  const { options = [], sql_body: body } = node.CreateFunctionStmt;
  const language = options.flatMap((option) =>
    'DefElem' in option && option.DefElem.defname === 'language' && option.DefElem.arg ? [option.DefElem.arg] : [],
  );
  return body === undefined && textOf(language[0]).toLowerCase() !== 'sql';
}
