import { sqlTokens, type Token } from './sql-tokens.js';

/**
 * What a statement is to the gate.
 *
 * - `query`: may return rows; `command`: ends with its transaction, returns none.
 * - `begin`: opens a transaction, whatever its spelling; `mode`: `SET TRANSACTION`, which PostgreSQL takes only before the
 *   first query; `commit`, `rollback`: end it; `savepoint`: `RELEASE` too; `rollback to`: a savepoint.
 * - `chain`: ends a transaction and begins the next.
 * - `copy in`, `copy out`: to and from the one who asks; `inside`: means something inside a transaction only,
 *   as a lock, or must not be outside one, as a procedure, which may end transactions by itself.
 * - `nothing`: the gate's own, which does nothing but enter the scope.
 * - `lasting`: leaves something on its connection for whoever uses it next; `unknown`: nothing that PostgreSQL 15 to 18 has.
 */
export type StatementKind =
  | 'query'
  | 'command'
  | 'begin'
  | 'mode'
  | 'commit'
  | 'rollback'
  | 'savepoint'
  | 'rollback to'
  | 'chain'
  | 'copy in'
  | 'copy out'
  | 'inside'
  | 'nothing'
  | 'lasting'
  | 'unknown';

/** A statement's kind, and of a lasting one what it is, for the error. */
export interface StatementNature {
  readonly kind: StatementKind;
  readonly what?: string;
}

const query: StatementNature = { kind: 'query' };
const command: StatementNature = { kind: 'command' };
/** The edges of a transaction as MikroORM, Kysely and most others write them: as common as queries, and words cost time to read. */
const edges: ReadonlyMap<string, StatementNature> = new Map(
  (['begin', 'commit', 'rollback'] as const).flatMap((kind) => [
    [kind, { kind }],
    [kind.toUpperCase(), { kind }],
  ]),
);
const commonest = /^\s*(?:select|insert|update|delete|with)\b/i;

const queries = new Set('SELECT INSERT UPDATE DELETE MERGE WITH VALUES TABLE FETCH SHOW EXPLAIN'.split(' '));
const commands = new Set(
  (
    'ALTER ANALYZE ANALYSE CLOSE CLUSTER COMMENT CREATE DROP GRANT IMPORT MOVE NOTIFY REASSIGN REFRESH REINDEX REVOKE ' +
    'SECURITY TRUNCATE VACUUM CHECKPOINT'
  ).split(' '),
);
const lasting = new Set('RESET DISCARD LISTEN UNLISTEN LOAD PREPARE DEALLOCATE EXECUTE'.split(' '));

/**
 * Tells what a statement is from its words. Pure.
 *
 * The first words are enough: the extended protocol carries one statement, and no keyword can be written another way.
 */
export function statementNature(sql: string): StatementNature {
  if (commonest.test(sql)) return query;
  return edges.get(sql) ?? natureOf(sql);
}

function natureOf(sql: string): StatementNature {
  const words = new Words(sql);
  const first = words.next();
  if (first === undefined || first === '(') return query;
  if (queries.has(first)) return query;
  if (commands.has(first)) return command;
  if (lasting.has(first)) return { kind: 'lasting', what: first };
  const read = readers[first];
  return read ? read(words) : { kind: 'unknown', what: `A statement that begins with "${first.slice(0, 30)}"` };
}

const readers: Readonly<Record<string, (words: Words) => StatementNature>> = {
  BEGIN: (words) => (words.take('WORK', 'TRANSACTION'), begins(words)),
  START: (words) => (words.take('TRANSACTION') ? begins(words) : query),
  COMMIT: (words) => ends(words, 'commit'),
  END: (words) => ends(words, 'commit'),
  ROLLBACK: (words) => ends(words, 'rollback'),
  ABORT: (words) => ends(words, 'rollback'),
  SAVEPOINT: () => ({ kind: 'savepoint' }),
  RELEASE: () => ({ kind: 'savepoint' }),
  SET: sets,
  DECLARE: declares,
  COPY: copies,
  CALL: () => ({ kind: 'inside', what: 'A procedure' }),
  DO: () => ({ kind: 'inside', what: 'A DO block' }),
  LOCK: () => ({ kind: 'inside', what: 'LOCK' }),
};

/** Reads a `begin`. One with a mistake is sent as it is, so that PostgreSQL answers with its own error. */
function begins(words: Words): StatementNature {
  return words.modes() ? { kind: 'begin' } : query;
}

function ends(words: Words, kind: 'commit' | 'rollback'): StatementNature {
  if (words.take('PREPARED')) return { kind: 'lasting', what: 'A prepared transaction' };
  words.take('WORK', 'TRANSACTION');
  if (kind === 'rollback' && words.take('TO')) return { kind: 'rollback to' };
  if (words.take('AND')) return words.take('NO') ? { kind } : { kind: 'chain' };
  return { kind };
}

function sets(words: Words): StatementNature {
  if (isMode(words.token)) return { kind: 'mode' };
  const scope = words.take('LOCAL', 'TRANSACTION', 'CONSTRAINTS');
  if (scope === 'TRANSACTION' && (words.modes() || words.take('SNAPSHOT'))) return { kind: 'mode' };
  if (scope === 'LOCAL' && isMode(words.token)) return { kind: 'mode' };
  // A parameter may be named `local.x` or `transaction.x`.
  const named = words.token?.kind === 'word' || words.token?.kind === 'quoted';
  const local = scope === 'LOCAL';
  if (local && outlives(words.token?.text ?? '')) return { kind: 'lasting', what: 'A seed for random()' };
  if ((local || scope === 'CONSTRAINTS') && named && words.token?.text !== 'TO') return command;
  return { kind: 'lasting', what: 'A session-level SET' };
}

/** A transaction's mode under its other name. */
function isMode(token: Token | undefined): boolean {
  return token?.kind === 'word' && /^TRANSACTION_(?:ISOLATION|READ_ONLY|DEFERRABLE)$/.test(token.text);
}

/** What PostgreSQL does not take back at the end of the transaction: the next random numbers. Quoted, a parameter has any case. */
function outlives(parameter: string): boolean {
  return /^"?seed"?$/i.test(parameter) || /^u&/i.test(parameter);
}

/** A cursor may be named like any word that PostgreSQL does not reserve, so its name is passed first. */
function declares(words: Words): StatementNature {
  words.next();
  while (words.take('BINARY', 'ASENSITIVE', 'INSENSITIVE', 'NO', 'SCROLL'));
  if (!words.take('CURSOR')) return { kind: 'unknown', what: 'A cursor' };
  if (words.take('WITH')) return { kind: 'lasting', what: 'A cursor WITH HOLD' };
  words.take('WITHOUT');
  words.take('HOLD');
  return words.take('FOR') ? { kind: 'inside', what: 'DECLARE' } : { kind: 'unknown', what: 'A cursor' };
}

/**
 * Reads a COPY. From or to a file or a program it counts as an ordinary statement: PostgreSQL refuses it to a login
 * that serves.
 */
function copies(words: Words): StatementNature {
  for (let depth = 0, word = words.next(); word !== undefined; word = words.next()) {
    if (word === '(') depth++;
    else if (word === ')') depth--;
    // PostgreSQL takes either name for either direction.
    else if (depth === 0 && (word === 'FROM' || word === 'TO') && words.take('STDIN', 'STDOUT'))
      return word === 'FROM'
        ? { kind: 'copy in', what: 'COPY FROM STDIN' }
        : { kind: 'copy out', what: 'COPY TO STDOUT' };
  }
  return command;
}

/** A statement's tokens, one ahead. */
class Words {
  readonly #tokens: Iterator<Token, undefined>;
  /** The next one. */
  token: Token | undefined;

  constructor(sql: string) {
    this.#tokens = sqlTokens(sql);
    do this.#step();
    while (this.token?.text === ';');
  }

  /** Passes one token and answers its text. A string or a quoted name answers an empty one, because it is not a keyword. */
  next(): string | undefined {
    const { token } = this;
    this.#step();
    return token?.kind === 'word' || token?.kind === 'symbol' ? token.text : token && '';
  }

  /** Passes the next one if it is one of these words. */
  take(...wanted: readonly string[]): string | undefined {
    const { token } = this;
    if (token?.kind !== 'word' || !wanted.includes(token.text)) return undefined;
    this.#step();
    return token.text;
  }

  /** Passes transaction modes to the end of the statement. Whether there is nothing else. */
  modes(): boolean {
    while (this.token) {
      if (this.token.text === ',' || this.token.text === ';') this.#step();
      else if (!this.#mode()) return false;
    }
    return true;
  }

  #mode(): boolean {
    if (this.take('READ')) return this.take('ONLY', 'WRITE') !== undefined;
    if (this.take('NOT')) return this.take('DEFERRABLE') !== undefined;
    if (this.take('DEFERRABLE')) return true;
    if (!this.take('ISOLATION') || !this.take('LEVEL')) return false;
    if (this.take('REPEATABLE')) return this.take('READ') !== undefined;
    if (this.take('READ')) return this.take('COMMITTED', 'UNCOMMITTED') !== undefined;
    return this.take('SERIALIZABLE') !== undefined;
  }

  #step(): void {
    const { value, done } = this.#tokens.next();
    this.token = done ? undefined : value;
  }
}
