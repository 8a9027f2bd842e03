import type { Readable } from 'node:stream';
import type { Scope } from '../context/scope.js';
import { GatedQuery, type GatedStatement } from './gated-query.js';
import { ParseOnly } from './parse-only.js';
import type { WireConnection, WireObject } from './pg-internals.js';
import type { ScopeGate } from './scope-gate.js';
import type { StatementNature } from './statement-kind.js';
import { textQuery } from './text-query.js';

type Callback = (error: Error | null) => void;

/**
 * COPY of a library brings messages that nothing can travel with: it is a simple query, and takes the socket for itself. So its
 * scope is entered in the turn before, and where no transaction is open it has one of its own, ended in the turn after.
 */
export class CopyTurns {
  readonly #gate: ScopeGate;
  readonly #connection: WireConnection;
  readonly #next: (query: GatedQuery) => void;

  /** @param next - Gives a query the next turn, before all that wait. */
  constructor(gate: ScopeGate, connection: WireConnection, next: (query: GatedQuery) => void) {
    this.#gate = gate;
    this.#connection = connection;
    this.#next = next;
  }

  /** The first of its turns. */
  begin(scope: Scope | undefined, nature: StatementNature, text: string, object: WireObject): GatedQuery {
    let own = false;
    let failed = false;
    const { once } = object as Partial<Readable>;
    // PostgreSQL cannot be told to stop in the middle of a COPY. When its reader stops, the connection is closed;
    // otherwise whoever comes next would wait for the rest.
    if (nature.kind === 'copy out')
      once?.call(object, 'close', () => {
        if (!failed && !(object as Partial<Readable>).readableEnded && !this.#gate.wire.quiet)
          this.#connection.stream.destroy();
      });
    const before = () => {
      own = !this.#gate.open;
      if (own) this.#gate.hold('begin', scope);
    };
    const callback: Callback = (error) => {
      failed = error !== null;
      if (!error)
        return this.#next(this.#copy({ scope, nature, text, object, made: false, failed: () => (failed = true) }, own));
      // If it was refused before anything was sent, no transaction was begun. In every other case its transaction is
      // ended.
      if (own && this.#gate.wire.quiet) this.#gate.letGo();
      else if (own) this.#end(scope, 'rollback');
      return object.handleError(error, this.#connection);
    };
    // COPY goes as a simple query, which may carry several statements. So PostgreSQL is asked to parse the text first,
    // and parses one statement only.
    const asking = new ParseOnly(text, undefined, callback);
    return new GatedQuery(this.#gate, { scope, nature: { kind: 'nothing' }, text, object: asking, made: true, before });
  }

  #copy(statement: GatedStatement, own: boolean): GatedQuery {
    const { scope, object } = statement;
    const end = (committed?: Callback) =>
      this.#end(scope, committed ? 'commit' : 'rollback', (error) => {
        if (error) statement.failed?.();
        committed?.(error);
      });
    return new GatedQuery(this.#gate, { ...statement, object: own ? endingItsTransaction(object, end) : object });
  }

  #end(scope: Scope | undefined, text: 'commit' | 'rollback', done?: Callback): void {
    this.#next(textQuery(this.#gate, { scope, text, callback: (error) => done?.(error) }));
  }
}

/** The same object, told that all is done only when its transaction is. */
function endingItsTransaction(object: WireObject, end: (committed?: Callback) => void): WireObject {
  const ended = holdEnd(object);
  return {
    submit: (connection) => object.submit(connection),
    handleCopyData: (message, connection) => object.handleCopyData?.(message, connection),
    handleCommandComplete: (message, connection) => object.handleCommandComplete?.(message, connection),
    ...(object.handleCopyInResponse && {
      handleCopyInResponse: (connection: WireConnection) => object.handleCopyInResponse?.(connection),
    }),
    handleReadyForQuery: (connection) =>
      end((error) => {
        if (error) return object.handleError(error, connection);
        ended();
        return object.handleReadyForQuery(connection);
      }),
    handleError: (error, connection) => {
      end();
      object.handleError(error, connection);
    },
  };
}

/** COPY that is read ends with its data, before its transaction does: what it had changed might still be taken back. */
function holdEnd(object: WireObject): () => void {
  const reading = object as Partial<Pick<Readable, 'push'>>;
  const push = reading.push?.bind(object);
  if (!push || object.handleCopyInResponse) return () => undefined;
  let over = false;
  reading.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (chunk === null) over = true;
    else return push(chunk, encoding);
    return false;
  };
  return () => {
    if (over) push(null);
  };
}
