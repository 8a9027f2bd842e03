import { TenancyError } from '../errors/tenancy-error.js';
import type { NamedTexts } from './named-texts.js';
import type { WireObject, WireQuery } from './pg-internals.js';
import { type StatementNature, statementNature } from './statement-kind.js';

/** What the gate makes of an object that brings its own messages. */
export interface ShownStatement {
  readonly text: string;
  readonly nature: StatementNature;
  /** Why it is not sent. */
  readonly refusal?: Error | undefined;
}

/** Whether a value is such an object: a cursor, a stream, COPY, one of `pg`'s own queries. */
export function isWireObject(value: unknown): value is WireObject {
  return typeof value === 'object' && value !== null && typeof (value as { submit?: unknown }).submit === 'function';
}

/** Reads what an object shows of itself. One of `pg`'s own queries is made to go as a text goes: one statement, under no name. */
export function shownStatement(object: WireObject, named: NamedTexts): ShownStatement {
  if (isQuery(object)) return shownQuery(object, named);
  const text = textOf(object);
  if (text === undefined)
    return { text: '', nature: { kind: 'unknown' }, refusal: refused('A query object without a text') };
  const nature = statementNature(text);
  return { text, nature, refusal: fits(object, nature) ? undefined : notHere(nature, isCopy(object)) };
}

function shownQuery(object: WireQuery, named: NamedTexts): ShownStatement {
  const text = named.textOf(object);
  if (text instanceof Error) return { text: '', nature: { kind: 'unknown' }, refusal: text };
  object.text = text;
  object.name = undefined;
  object.queryMode = 'extended';
  const nature = statementNature(text);
  return { text, nature, refusal: nature.kind.startsWith('copy') ? notHere(nature) : undefined };
}

/** `pg-query-stream` keeps its text with its cursor. */
function textOf(object: WireObject): string | undefined {
  const { text, cursor } = object as { text?: unknown; cursor?: { text?: unknown } };
  if (typeof text === 'string') return text;
  return typeof cursor?.text === 'string' ? cursor.text : undefined;
}

/** Whether it is one of `pg`'s own queries, made by this copy of `pg` or by another. */
export function isQuery(object: WireObject): object is WireQuery {
  return typeof (object as { requiresPreparation?: unknown }).requiresPreparation === 'function';
}

/** Whether the object fits its statement: COPY objects take or give data, and everything else reads rows. */
function fits(object: WireObject, { kind }: StatementNature): boolean {
  // PostgreSQL is asked to parse a statement of an unknown kind, and says what is wrong.
  if (!isCopy(object)) return kind === 'query' || kind === 'unknown';
  return kind === (object.handleCopyInResponse ? 'copy in' : 'copy out');
}

function isCopy(object: WireObject): boolean {
  const reads = typeof (object as { _read?: unknown })._read === 'function' && !object.handleDataRow;
  return typeof object.handleCopyInResponse === 'function' || typeof object.handleCopyData === 'function' || reads;
}

function notHere({ kind, what = 'COPY' }: StatementNature, copies = false): TenancyError {
  if (kind === 'lasting') return refused(what);
  if (kind.startsWith('copy')) return refused(what, 'Use from() or to() of pg-copy-streams, as its direction asks.');
  if (copies)
    return refused('An object for COPY whose text is not COPY', 'Give it COPY … FROM STDIN or COPY … TO STDOUT.');
  return refused('A cursor or a stream over a statement that returns no rows', 'Send it as a statement.');
}

function refused(what: string, remedy = 'Use what ends with a transaction, such as SET LOCAL.'): TenancyError {
  return new TenancyError('TENANCY_STATEMENT_REFUSED', { what, remedy });
}
