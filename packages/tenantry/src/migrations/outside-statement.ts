/** What an `outside` migration may contain, because running it twice does no harm. Pure. */
export interface OutsideStatement {
  readonly text: string;
  /** The index that it builds, which a crash may leave INVALID. */
  readonly builds?: string;
  /** The table that the index is on. */
  readonly on?: string;
  /** The index that it drops. */
  readonly drops?: string;
  /** It builds indexes anew, under names that PostgreSQL makes up, which a crash may leave INVALID. */
  readonly rebuilds?: true;
}

const name = String.raw`("(?:[^"]|"")+"|[a-z_][\w$]*)`;
const building = new RegExp(
  String.raw`^create\s+(?:unique\s+)?index\s+concurrently\s+(?:if\s+not\s+exists\s+)?${name}\s+on\s+(?:only\s+)?${name}`,
  'i',
);
const dropping = new RegExp(String.raw`^drop\s+index\s+concurrently\s+(?:if\s+exists\s+)?${name}\s*$`, 'i');
const rebuilding = /^reindex\b[\s\S]*\bconcurrently\b/i;
const harmless = [
  /^alter\s+type\b[\s\S]*\badd\s+value\s+if\s+not\s+exists\b/i,
  /^(?:vacuum|analyze)\b/i,
  /^alter\s+table\b[\s\S]*\bvalidate\s+constraint\b/i,
  /^refresh\s+materialized\s+view\s+concurrently\b/i,
];

/**
 * Reads one statement of an `outside` migration.
 *
 * @returns `undefined` for a statement that could not be tried again after a crash: an index without a name, any other DDL.
 */
export function outsideStatement(text: string): OutsideStatement | undefined {
  const [, builds, on] = building.exec(text) ?? [];
  if (builds !== undefined && on !== undefined) return { text, builds: unquoted(builds), on: unquoted(on) };
  const drops = dropping.exec(text)?.[1];
  if (drops !== undefined) return { text, drops: unquoted(drops) };
  if (rebuilding.test(text)) return { text, rebuilds: true };
  return harmless.some((shape) => shape.test(text)) ? { text } : undefined;
}

/**
 * The same statements for a schema that nobody uses yet: there they may run inside the transaction that makes it.
 */
export function insideForm(statements: readonly string[]): string[] {
  return statements
    .filter((text) => !/^(?:vacuum|analyze)\b/i.test(text))
    .map((text) => text.replace(/^([^"']*?)\bconcurrently\s+/i, '$1'));
}

function unquoted(identifier: string): string {
  return identifier.startsWith('"') ? identifier.slice(1, -1).replaceAll('""', '"') : identifier.toLowerCase();
}
