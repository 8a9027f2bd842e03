/** A piece of a statement. Words are in upper case, as far as ASCII goes, because PostgreSQL folds no other letter. */
export interface Token {
  readonly kind: 'word' | 'quoted' | 'string' | 'symbol';
  readonly text: string;
}

const blank = /[ \t\n\r\f\v]+|--[^\n\r]*/y;
const word = /[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/y;
const quoted = /(?:[Uu]&)?"(?:[^"]|"")*"/y;
const escaped = /[Ee]'(?:[^'\\]|''|\\[^])*'/y;
const plain = /(?:[Uu]&|[BbNnXx])?'(?:[^']|'')*'/y;
const dollar = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y;

/**
 * Reads a statement piece by piece, as PostgreSQL's own scanner does: comments nest, a string may be quoted in four ways, and
 * nothing inside one is a keyword. What is not closed is one piece to the end. Lazy, so that the first words cost no more.
 */
export function* sqlTokens(sql: string): Generator<Token, undefined> {
  for (let at = 0; at < sql.length;) {
    const skipped = match(blank, sql, at) ?? (sql.startsWith('/*', at) ? comment(sql, at) : undefined);
    if (skipped !== undefined) {
      at += skipped.length;
      continue;
    }
    const token = tokenAt(sql, at);
    yield token.token;
    at += token.length;
  }
  return undefined;
}

function tokenAt(sql: string, at: number): { readonly token: Token; readonly length: number } {
  const name = match(quoted, sql, at);
  if (name !== undefined) return { token: { kind: 'quoted', text: name }, length: name.length };
  const text = match(escaped, sql, at) ?? match(plain, sql, at) ?? dollarQuoted(sql, at);
  if (text !== undefined) return { token: { kind: 'string', text }, length: text.length };
  const found = match(word, sql, at);
  if (found === undefined) return { token: { kind: 'symbol', text: sql[at] ?? '' }, length: 1 };
  const upper = found.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
  return { token: { kind: 'word', text: upper }, length: found.length };
}

function dollarQuoted(sql: string, at: number): string | undefined {
  const tag = match(dollar, sql, at);
  if (tag === undefined) return undefined;
  const end = sql.indexOf(tag, at + tag.length);
  return sql.slice(at, end === -1 ? undefined : end + tag.length);
}

/** Comments nest in PostgreSQL. */
function comment(sql: string, from: number): string {
  const edge = /\/\*|\*\//g;
  edge.lastIndex = from;
  let depth = 0;
  for (let found = edge.exec(sql); found; found = edge.exec(sql)) {
    depth += found[0] === '/*' ? 1 : -1;
    if (depth === 0) return sql.slice(from, edge.lastIndex);
  }
  return sql.slice(from);
}

function match(pattern: RegExp, sql: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(sql)?.[0];
}
