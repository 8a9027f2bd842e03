import type { Scope } from '../context/scope.js';
import { GatedQuery } from './gated-query.js';
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
    const before = () => {
      own = !this.#gate.open;
      if (own) this.#gate.hold('begin', scope);
    };
    const callback: Callback = (error) => {
      if (!error) return this.#next(this.#copy(scope, nature, text, object, own));
      if (own && !this.#gate.letGo()) this.#end(scope, 'rollback');
      return object.handleError(error, this.#connection);
    };
    return textQuery(this.#gate, { scope, text: 'select', nature: { kind: 'nothing' }, callback, before });
  }

  #copy(scope: Scope | undefined, nature: StatementNature, text: string, object: WireObject, own: boolean): GatedQuery {
    const end = (committed?: Callback) => this.#end(scope, committed ? 'commit' : 'rollback', committed);
    const shown = own ? endingItsTransaction(object, end) : object;
    return new GatedQuery(this.#gate, { scope, nature, text, object: shown, made: false });
  }

  #end(scope: Scope | undefined, text: 'commit' | 'rollback', done?: Callback): void {
    this.#next(textQuery(this.#gate, { scope, text, callback: (error) => done?.(error) }));
  }
}

/** The same object, told that all is done only when its transaction is. */
function endingItsTransaction(object: WireObject, end: (committed?: Callback) => void): WireObject {
  return {
    submit: (connection) => object.submit(connection),
    handleCopyData: (message, connection) => object.handleCopyData?.(message, connection),
    handleCommandComplete: (message, connection) => object.handleCommandComplete?.(message, connection),
    ...(object.handleCopyInResponse && {
      handleCopyInResponse: (connection: WireConnection) => object.handleCopyInResponse?.(connection),
    }),
    handleReadyForQuery: (connection) =>
      end((error) => (error ? object.handleError(error, connection) : object.handleReadyForQuery(connection))),
    handleError: (error, connection) => {
      end();
      object.handleError(error, connection);
    },
  };
}
