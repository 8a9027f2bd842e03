import { AsyncResource } from 'node:async_hooks';
import pg from 'pg';
import type { Scope } from '../context/scope.js';
import { TenancyError } from '../errors/tenancy-error.js';
import type { Entry } from './entry.js';
import { lentConnection } from './lent-connection.js';
import { ParseOnly } from './parse-only.js';
import type { WireConnection, WireObject } from './pg-internals.js';
import type { StatementNature } from './statement-kind.js';

/** What a statement asks of the connection it is sent on. */
export interface Gate {
  /** Admits a statement on the connection as it is now: what to send first, nothing to send, or a refusal. */
  admit(scope: Scope | undefined, nature: StatementNature): Entry | undefined | Error;
  /** Begins the statement's turn: sends what `send` sends in one write. What is `shown` by somebody else is held to it, and may not stall. */
  turn(text: string, send: () => Error | null | undefined | void, shown?: StatementNature): Error | undefined;
  /** Sends statements of the gate's own. */
  ours<T>(send: () => T): T;
  /** Nothing of the turn was sent. */
  takenBack(): void;
  /** A command of what was sent first has been done; `left` are still to come. */
  entered(entry: Entry, left: number, nature: StatementNature): void;
  /** What was sent first failed, so PostgreSQL skipped the statement. Answers the error to give. */
  refused(entry: Entry, left: number, error: Error, scope: Scope | undefined): Error;
  /** The object has been told of an error. */
  afterError(): void;
  /** The statement has been done; `tag` is PostgreSQL's own word for what it was. */
  completed(tag: string, nature: StatementNature): void;
}

/** One statement: where it comes from, what it is, and the object that brings its messages. */
export interface GatedStatement {
  readonly scope: Scope | undefined;
  readonly nature: StatementNature;
  readonly text: string;
  readonly object: WireObject;
  /** The object is one of the gate's own making: what it sends is known, and its answers are bound to its caller already. */
  readonly made: boolean;
  /** Why it is not sent. */
  readonly refusal?: Error | undefined;
  /** Called as its turn comes. */
  readonly before?: (() => void) | undefined;
  /** Called when it has failed. */
  readonly failed?: (() => void) | undefined;
}

/**
 * A statement that leaves with its scope, whoever brings it: the settings and the statement travel in one flight and one
 * implicit transaction. When the settings fail PostgreSQL skips the statement; when the transaction ends they are gone.
 */
export class GatedQuery implements WireObject {
  readonly #gate: Gate;
  readonly #statement: GatedStatement;
  readonly #object: WireObject;
  /** Answers arrive in the async context of the socket, which belongs to no scope. */
  readonly #caller: AsyncResource | undefined;
  #entry: Entry | undefined;
  /** Commands of the entry that PostgreSQL has not reported yet. */
  #entering = 0;
  /** The object has heard how it ended. */
  #told = false;
  /** Milliseconds after which the caller wants no answer any more. Read by `pg`. */
  readonly query_timeout: number | undefined;

  constructor(gate: Gate, statement: GatedStatement, queryTimeout?: number) {
    this.#gate = gate;
    this.#statement = statement;
    this.#object = unlessUnknown(statement);
    if (!statement.made) this.#caller = new AsyncResource('TenantryQuery');
    this.query_timeout = queryTimeout;
  }

  // What `pg` reads and sets on a query that it is given.
  get text(): string {
    return this.#statement.text;
  }
  get callback(): WireObject['callback'] {
    return this.#object.callback;
  }
  set callback(callback: WireObject['callback']) {
    this.#object.callback = callback;
  }
  get binary(): unknown {
    return (this.#object as { binary?: unknown }).binary;
  }
  set binary(binary: unknown) {
    (this.#object as { binary?: unknown }).binary = binary;
  }
  get _result(): unknown {
    return (this.#object as { _result?: unknown })._result;
  }

  submit(connection: WireConnection): Error | null {
    const { scope, nature, text, made, refusal, before } = this.#statement;
    before?.();
    if (refusal) return refusal;
    // On the wire a statement ends at its first NUL; PostgreSQL would take the rest for another part of the message.
    if (text.includes('\0'))
      return new TenancyError('TENANCY_VALUE_INVALID', { reason: 'a text has the character NUL' });
    const entry = this.#gate.admit(scope, nature);
    if (entry instanceof Error) return entry;
    this.#entry = entry;
    this.#entering = entry?.commands ?? 0;
    const trusted = made || this.#object !== this.#statement.object;
    const send = () => {
      if (entry) this.#gate.ours(() => entry.send());
      if (trusted) return this.#gate.ours(() => this.#object.submit(connection));
      return this.#object.submit(lentConnection(connection));
    };
    const failed = this.#gate.turn(text, send, trusted ? undefined : nature);
    if (failed) {
      this.#entering = 0;
      this.#gate.takenBack();
    }
    return failed ?? null;
  }

  handleRowDescription(message: unknown): void {
    this.#call(() => this.#object.handleRowDescription?.(message));
  }

  handleDataRow(message: unknown): void {
    if (this.#entering > 0) return;
    if (this.#caller) this.#call(() => this.#object.handleDataRow?.(message));
    else this.#object.handleDataRow?.(message);
  }

  handlePortalSuspended(connection: WireConnection): void {
    this.#call(() => this.#object.handlePortalSuspended?.(connection));
  }

  handleEmptyQuery(connection: WireConnection): void {
    this.#call(() => this.#object.handleEmptyQuery?.(connection));
  }

  handleCommandComplete(message: { text: string }, connection: WireConnection): void {
    if (this.#entering > 0 && this.#entry) {
      this.#gate.entered(this.#entry, --this.#entering, this.#statement.nature);
      return;
    }
    this.#gate.completed(message.text, this.#statement.nature);
    this.#call(() => this.#object.handleCommandComplete?.(message, connection));
  }

  handleCopyInResponse(connection: WireConnection): void {
    if (this.#statement.nature.kind === 'copy in') this.#call(() => this.#object.handleCopyInResponse?.(connection));
    else unexpected(connection);
  }

  handleCopyData(message: unknown, connection: WireConnection): void {
    if (this.#statement.nature.kind === 'copy out' && this.#object.handleCopyData)
      this.#call(() => this.#object.handleCopyData?.(message, connection));
    else unexpected(connection);
  }

  handleReadyForQuery(connection: WireConnection): void {
    if (this.#told) return;
    this.#told = true;
    this.#call(() => this.#object.handleReadyForQuery(connection));
  }

  handleError(error: Error, connection: WireConnection): void {
    const answered = error instanceof pg.DatabaseError;
    let told = error;
    // This error is `pg`'s own, for a value that cannot be sent or a caller who stopped waiting. PostgreSQL still does
    // what was sent.
    if (answered) {
      const { scope } = this.#statement;
      if (this.#entering > 0 && this.#entry) told = this.#gate.refused(this.#entry, this.#entering, error, scope);
      this.#entering = 0;
    }
    this.#statement.failed?.();
    // Only once: a FATAL may follow a refusal in the same packet, and `pg-cursor` throws when it is told of a second
    // error.
    if (!this.#told) this.#tell(() => tellOfError(this.#object, told, connection));
    this.#told = true;
    if (answered) this.#gate.afterError();
  }

  /**
   * Tells the object. If nobody listens it throws, but only after `pg` has gone on: otherwise the connection would wait
   * for ever.
   */
  #tell(tell: () => void): void {
    try {
      this.#call(tell);
    } catch (error) {
      process.nextTick(() => {
        throw error;
      });
    }
  }

  #call(tell: () => void): void {
    if (this.#caller) this.#caller.runInAsyncScope(tell);
    else tell();
  }
}

/** A COPY that nobody feeds would wait for ever, and one that nobody reads would lose what it says. */
function unexpected(connection: WireConnection): void {
  connection.stream.destroy(new Error('Connection terminated: PostgreSQL began a COPY that nobody had asked for.'));
}

/** An object that shows what nobody knows is answered by PostgreSQL's parser. */
function unlessUnknown({ object, nature, text, made, refusal }: GatedStatement): WireObject {
  if (made || refusal || nature.kind !== 'unknown') return object;
  const unknown = new TenancyError('TENANCY_STATEMENT_REFUSED', {
    what: nature.what ?? 'It',
    remedy: 'Tenantry does not know it, so it was not run.',
  });
  return new ParseOnly(text, unknown, (error: Error | null) => {
    if (error) object.handleError(error, undefined as never);
  });
}

/**
 * `pg-cursor` takes itself to be done as soon as its statement is, and hears no error from then on: neither that the commit
 * failed, so that it would answer what was rolled back, nor that the connection ended, so that its reader would wait for ever.
 */
function tellOfError(object: WireObject, error: Error, connection: WireConnection): void {
  const { cursor = object } = object as { cursor?: object };
  const reading = cursor as { state?: string; _cb?: unknown };
  const late = reading.state === 'done' && typeof reading._cb === 'function';
  // So that it neither overhears the error nor sends another Sync: one is under way.
  if (late) reading.state = 'initialized';
  object.handleError(error, connection);
  if (late) Object.assign(reading, { state: 'done', _cb: null });
}
