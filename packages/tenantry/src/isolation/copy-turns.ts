import { type Scope, scopeKey } from '../context/scope.js';
import type { GatedQuery } from './gated-query.js';
import type { WireConnection, WireObject } from './pg-internals.js';
import type { StatementNature } from './statement-kind.js';
import type { HeldBegin } from './transaction-scope.js';

type Callback = (error: Error | null) => void;

/** What {@link CopyTurns} asks of the connection. */
export interface CopyGround {
  readonly connection: WireConnection;
  /** Whether a transaction is open, or a `begin` held back. */
  open(): boolean;
  hold(begin: HeldBegin, scope: string): void;
  /** Forgets a `begin` that was held back and not sent. Whether there was one. */
  letGo(): boolean;
  /** A statement of the gate's own; `before` is called as its turn comes. */
  statement(
    scope: Scope | undefined,
    text: string,
    nature: StatementNature,
    callback: Callback,
    before?: () => void,
  ): GatedQuery;
  object(scope: Scope | undefined, nature: StatementNature, text: string, object: WireObject): GatedQuery;
  /** Gives a query the next turn, before all that wait. */
  next(query: GatedQuery): void;
}

/**
 * COPY of a library brings messages that nothing can travel with: it is a simple query, and takes the socket for itself. So its
 * scope is entered in the turn before, and where no transaction is open it has one of its own, ended in the turn after.
 */
export class CopyTurns {
  readonly #ground: CopyGround;
  #ending = false;

  constructor(ground: CopyGround) {
    this.#ground = ground;
  }

  /** Whether the transaction of a COPY that ended is being ended. */
  get ending(): boolean {
    return this.#ending;
  }

  /** The first of its turns. */
  begin(scope: Scope | undefined, nature: StatementNature, text: string, object: WireObject): GatedQuery {
    const { connection, open, hold, letGo, statement, next } = this.#ground;
    let own = false;
    const enter = () => {
      own = !open();
      if (own) hold({ text: 'begin' }, scopeKey(scope));
    };
    return statement(
      scope,
      'select',
      { kind: 'nothing' },
      (error) => {
        if (!error) return next(this.#copy(scope, nature, text, object, own));
        if (own && !letGo()) this.#end(scope, 'rollback');
        return object.handleError(error, connection);
      },
      enter,
    );
  }

  #copy(scope: Scope | undefined, nature: StatementNature, text: string, object: WireObject, own: boolean): GatedQuery {
    const end = (committed?: Callback) => this.#end(scope, committed ? 'commit' : 'rollback', committed);
    return this.#ground.object(scope, nature, text, own ? endingItsTransaction(object, end) : object);
  }

  #end(scope: Scope | undefined, text: 'commit' | 'rollback', done?: Callback): void {
    this.#ending = true;
    const told: Callback = (error) => {
      this.#ending = false;
      done?.(error);
    };
    this.#ground.next(this.#ground.statement(scope, text, { kind: text }, told));
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
