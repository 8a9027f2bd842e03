/** Commands whose effect outlives their transaction on the connection that ran them; `SET` and `DECLARE` only in some forms. */
const lasting = new Set(['RESET', 'DISCARD', 'LISTEN', 'UNLISTEN', 'LOAD', 'PREPARE', 'DEALLOCATE']);
const boundToTransaction = new Set(['LOCAL', 'TRANSACTION', 'CONSTRAINTS']);
const commonest = /^\s*(?:select|insert|update|delete|with|begin|commit)\b/i;
const keepsScope =
  /^(?:SELECT|INSERT|UPDATE|DELETE|MERGE|BEGIN|START|SAVEPOINT|RELEASE|DECLARE|FETCH|MOVE|CLOSE|COPY|LOCK|TRUNCATE|EXPLAIN|SHOW|NOTIFY)\b/;
const plainBegin = /^\s*begin\s*;?\s*$/i;
const plainRollback = /^\s*rollback\s*;?\s*$/i;
const setsTransaction = /^\s*set\s+transaction\b/i;
const opensWithIsolation = /^\s*(?:begin|start\s+transaction)\b.*\b(?:isolation|deferrable)\b/is;

/**
 * The command of a statement that would leave something on its connection for whoever uses it next: a setting such as
 * `standard_conforming_strings`, a cursor with another tenant's rows. `undefined` for all others. Pure.
 *
 * Only the first words count: the extended protocol carries one statement, and no keyword can be written another way.
 */
export function lastingCommand(text: string): string | undefined {
  if (commonest.test(text)) return undefined;
  const [command, after] = wordAt(text, 0);
  if (command === 'SET') return boundToTransaction.has(wordAt(text, after)[0]) ? undefined : 'A session-level SET';
  if (command === 'DECLARE') return /\bhold\b/i.test(text) ? 'A cursor WITH HOLD' : undefined;
  return lasting.has(command) ? command : undefined;
}

/** Whether a statement begins a transaction in a way that PostgreSQL allows only before the transaction's first query. Pure. */
export function beginsBeforeAnyQuery(text: string): boolean {
  return opensWithIsolation.test(text);
}

/** Whether a statement is a `begin` with nothing else to it. Pure. */
export function isPlainBegin(text: string): boolean {
  return plainBegin.test(text);
}

/** Whether a statement is a `rollback` with nothing else to it. Pure. */
export function isPlainRollback(text: string): boolean {
  return plainRollback.test(text);
}

/** Whether a statement sets what PostgreSQL takes only before a transaction's first query. Pure. */
export function setsTransactionMode(text: string): boolean {
  return setsTransaction.test(text);
}

/**
 * Whether a statement may have changed role or search path within its transaction, as `SET LOCAL` and `ROLLBACK TO` do. Pure.
 *
 * @param tag - PostgreSQL's own word for what it ran, so no text has to be understood.
 */
export function mayLeaveScope(tag: string): boolean {
  return !keepsScope.test(tag);
}

/** The word at or after a position, in upper case, past what PostgreSQL skips; and the position after it. */
function wordAt(text: string, from: number): [word: string, after: number] {
  const skipped = /[\s;]+|--[^\n\r]*|\/\*/y;
  let at = from;
  for (skipped.lastIndex = at; skipped.test(text); skipped.lastIndex = at) {
    at = text.startsWith('/*', at) ? endOfComment(text, at) : skipped.lastIndex;
  }
  const word = /[a-z]*/iy;
  word.lastIndex = at;
  const [found = ''] = word.exec(text) ?? [];
  return [found.toUpperCase(), at + found.length];
}

/** Comments nest in PostgreSQL. */
function endOfComment(text: string, from: number): number {
  const edge = /\/\*|\*\//g;
  edge.lastIndex = from;
  let depth = 0;
  for (let match = edge.exec(text); match; match = edge.exec(text)) {
    depth += match[0] === '/*' ? 1 : -1;
    if (depth === 0) return edge.lastIndex;
  }
  return text.length;
}
