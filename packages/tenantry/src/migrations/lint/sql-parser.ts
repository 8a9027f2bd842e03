import type { Node, ParseResult, ScanResult } from 'libpg-query';

/** PostgreSQL's own parser, without a server. */
export interface SqlParser {
  /**
   * The statements of a text, with the bytes each takes.
   *
   * @throws Error with PostgreSQL's message.
   */
  parse(text: string): readonly ParsedStatement[];
  /** The comments of a text that parses. */
  comments(text: string): readonly string[];
}

/** One statement of a text. */
export interface ParsedStatement {
  readonly node: Node;
  readonly text: string;
}

let loading: Promise<SqlParser> | undefined;

/** Loads the parser when it is first needed: it is WebAssembly, and most starts have nothing to parse. */
export function loadSqlParser(): Promise<SqlParser> {
  loading ??= load();
  return loading;
}

async function load(): Promise<SqlParser> {
  const { loadModule, parseSync, scanSync } = await import('libpg-query');
  await loadModule();
  return {
    parse: (text) => (text.trim() === '' ? [] : split(text, parseSync(text))),
    comments: (text) => (text.trim() === '' ? [] : commentsOf(scanSync(text))),
  };
}

function split(text: string, { stmts = [] }: ParseResult): ParsedStatement[] {
  const bytes = Buffer.from(text);
  return stmts.flatMap(({ stmt, stmt_location: start = 0, stmt_len: length }) =>
    stmt ? { node: stmt, text: bytes.toString('utf8', start, length ? start + length : undefined).trim() } : [],
  );
}

function commentsOf({ tokens }: ScanResult): string[] {
  return tokens
    .filter(({ tokenName }) => tokenName === 'SQL_COMMENT' || tokenName === 'C_COMMENT')
    .map(({ text }) => text.replace(/^(?:--|\/\*)|\*\/$/g, '').trim());
}
