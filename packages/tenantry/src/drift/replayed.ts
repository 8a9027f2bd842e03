const rows = /^(?:insert|update|delete|merge|truncate|copy|notify|listen|lock|vacuum|analyze)\b/i;
const ends =
  /^(?:begin|start\s+transaction|end|abort)\b|(?:^|;)\s*(?:commit|rollback(?!\s+to)|prepare\s+transaction)\b/i;

/**
 * The statements of a migration that decide what a schema looks like. Pure. Those that change rows are left out: the rows may
 * be in tables that all tenants share, and the values of a migration's own code are not known.
 *
 * @throws Error when a statement would end the transaction, so that what it made would stay.
 */
export function replayed(statements: readonly string[]): readonly string[] {
  const shaping = statements.filter((statement) => {
    const text = withoutComments(statement);
    return text !== '' && !rows.test(text) && !/ -- with \[.*\]$/s.test(statement);
  });
  const ending = shaping.find((statement) => ends.test(withoutComments(statement)));
  if (ending !== undefined) throw new Error(`it ends its transaction: ${ending.slice(0, 60)}`);
  return shaping;
}

function withoutComments(statement: string): string {
  return statement.replace(/^(?:\s+|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)+/, '');
}
