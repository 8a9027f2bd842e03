import { AsyncResource } from 'node:async_hooks';
import pg from 'pg';
import { currentScope } from '../context/current-scope.js';
import { type Scope, scopeKey } from '../context/scope.js';
import { TenancyError } from '../errors/tenancy-error.js';
import { beginAfter, enterScope, Preamble, reenterScope } from './entry.js';
import { oneWrite, type OneWrite } from './one-write.js';
import { type ClientInternals, WireResult } from './pg-internals.js';
import { type ReadOnlyAnswer, ReadOnlyFlight, type ReadOnlyRequest } from './read-only-flight.js';
import { scopeRefusal } from './scope-refusal.js';
import { type GateOptions, scopeSettings } from './scope-settings.js';
import { type Entry, type Gate, ScopedQuery } from './scoped-query.js';
import {
  beginsBeforeAnyQuery,
  isPlainBegin,
  isPlainRollback,
  lastingCommand,
  mayLeaveScope,
  setsTransactionMode,
} from './session-statement.js';

/** `pg.Client` options plus the gate's. */
export type ScopedClientConfig = pg.ClientConfig & { gate: GateOptions };

type Callback = (error: Error | null, result?: unknown) => void;

/**
 * A connection on which every statement carries the scope it was issued in. Nothing about a tenant stays on the
 * connection between two statements, so it can be pooled, also by PgBouncer in transaction mode.
 */
export class ScopedClient extends pg.Client implements Gate {
  readonly #options: GateOptions;
  readonly #preamble: Preamble;
  readonly inOneWrite: OneWrite;
  /**
   * A `begin` costs no round trip: it is held back and travels with its transaction's first statement. When it could not
   * be sent the reason is kept: until the transaction's end every statement of it fails, as in PostgreSQL.
   */
  #begin: undefined | 'held' | Error;
  /** Key of the scope whose transaction is open. */
  #transactionOf = 'none';
  /** Whether the open transaction has its scope's settings: not yet, yes, or a statement may have changed them. */
  #inScope: 'not yet' | 'yes' | 'unknown' = 'not yet';

  constructor(config: ScopedClientConfig) {
    super(config);
    this.#options = config.gate;
    this.#preamble = new Preamble(this.#internals.connection, config.gate);
    this.inOneWrite = oneWrite(this.#internals.connection);
    this.query = this.#query.bind(this) as unknown as typeof this.query;
  }

  /** Whether the pool may hand this connection to somebody else. */
  get idle(): boolean {
    return this.#internals._txStatus === 'I' && this.#begin === undefined;
  }

  /** Makes the pool close this connection instead of keeping it. */
  discard(): void {
    this.#internals._queryable = false;
  }

  /**
   * Runs a select that brings its own scope and ends its own transaction, whatever scope this code runs in.
   *
   * @throws TenancyError `TENANCY_SCOPE_REFUSED`, and what PostgreSQL says of the select.
   */
  async readOnly(request: ReadOnlyRequest): Promise<ReadOnlyAnswer> {
    if (!this.idle) throw new Error('A select of its own transaction was sent in the middle of another.');
    let flight: ReadOnlyFlight | undefined;
    try {
      return await new Promise((resolve, reject) => {
        flight = new ReadOnlyFlight(request, { ...this.#options, inOneWrite: this.inOneWrite }, (error, answer) =>
          error || !answer ? reject(error ?? new Error('No answer.')) : resolve(answer),
        );
        super.query(flight as unknown as pg.Submittable);
      });
    } catch (error) {
      await this.#letGo();
      throw (flight?.entering && scopeRefusal(error as Error, request.scope)) || error;
    }
  }

  /** After a failed {@link readOnly}. Where this fails too the pool closes the connection, because it is not idle. */
  async #letGo(): Promise<void> {
    await super.query('rollback; select pg_catalog.pg_advisory_unlock_all()').catch(() => this.discard());
  }

  admit(scope: Scope | undefined, text: string): Entry | undefined | Error {
    const what = lastingCommand(text);
    if (what)
      return new TenancyError('TENANCY_STATEMENT_REFUSED', {
        what,
        remedy: 'Use what ends with a transaction, such as SET LOCAL.',
      });
    const status = this.#internals._txStatus;
    const key = scopeKey(scope);
    if (status === 'T' || status === 'E' || this.#begin) {
      if (key !== this.#transactionOf) return this.#mismatch(key);
      if (this.#begin instanceof Error) {
        if (!isPlainRollback(text)) return this.#begin;
        this.#begin = undefined;
      }
    } else {
      this.#transactionOf = key;
      this.#inScope = 'not yet';
      // PostgreSQL takes an isolation level only before the first query, the preamble too. The next statement enters.
      if (beginsBeforeAnyQuery(text)) return undefined;
    }
    // In a failed transaction PostgreSQL runs nothing but the way out of it.
    if (status === 'E' || this.#inScope === 'yes') return undefined;
    if (this.#begin && setsTransactionMode(text)) return beginAfter();
    const settings = scopeSettings(scope, this.#options);
    const entry = this.#inScope === 'unknown' ? reenterScope(settings) : enterScope(settings, this.#preamble);
    return this.#begin ? beginAfter(entry) : entry;
  }

  entered({ enters }: Entry): void {
    this.#begin = undefined;
    if (enters) this.#inScope = 'yes';
  }

  refused(_: Entry, error: Error): void {
    if (this.#begin) this.#begin = error;
  }

  completed(tag: string): void {
    if (this.#inScope === 'yes' && mayLeaveScope(tag)) this.#inScope = 'unknown';
  }

  get #internals(): ClientInternals {
    return this as unknown as ClientInternals;
  }

  #query(config: string | Record<string, unknown>, values?: unknown, callback?: unknown): unknown {
    const scope = currentScope();
    if (typeof config === 'object' && config !== null && typeof config['submit'] === 'function') {
      this.#prepareStream(scope);
      return super.query(config as never, values as never, callback as never);
    }
    const settled = typeof values === 'function' ? { values: undefined, callback: values } : { values, callback };
    const text = typeof config === 'string' ? { text: config } : config;
    const given = settled.callback ?? text['callback'];
    const answer = this.#answerAtOnce(scope, text['text']);
    if (typeof given === 'function') {
      // An answer arrives in the async context of the socket, which belongs to no scope.
      const bound = AsyncResource.bind(given as Callback);
      if (!answer) this.#submit(scope, text, settled.values, bound);
      else process.nextTick(bound, answer instanceof Error ? answer : null, answer);
      return undefined;
    }
    if (answer) return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    return new Promise((resolve, reject) => {
      this.#submit(scope, text, settled.values, (error, result) =>
        error ? reject(withCallerStack(error)) : resolve(result),
      );
    });
  }

  /** Answers a `begin`, and the `rollback` of a transaction that PostgreSQL does not know of, without PostgreSQL. */
  #answerAtOnce(scope: Scope | undefined, text: unknown): pg.QueryResult | Error | undefined {
    const { _txStatus, readyForQuery, _queryQueue, _queryable, _ending } = this.#internals;
    const quiet = _txStatus === 'I' && readyForQuery && _queryQueue.length === 0 && _queryable && !_ending;
    if (!quiet || typeof text !== 'string') return undefined;
    if (this.#begin === undefined) {
      if (!isPlainBegin(text)) return undefined;
      this.#begin = 'held';
      this.#transactionOf = scopeKey(scope);
      this.#inScope = 'not yet';
      return answerOf('BEGIN');
    }
    // A `commit` goes out with its `begin`: that it is done is for PostgreSQL to say, also of nothing.
    if (!isPlainRollback(text)) return undefined;
    const key = scopeKey(scope);
    if (key !== this.#transactionOf) return this.#mismatch(key);
    this.#begin = undefined;
    return answerOf('ROLLBACK');
  }

  #submit(scope: Scope | undefined, config: Record<string, unknown>, values: unknown, callback: Callback): void {
    super.query(new ScopedQuery(this, scope, config, values, callback) as never);
  }

  /** Cursors and COPY bring their own messages, so nothing can travel with them: their scope must stand already. */
  #prepareStream(scope: Scope | undefined): void {
    if (this.idle) {
      throw new TenancyError('TENANCY_STATEMENT_REFUSED', {
        what: 'A cursor, a stream or COPY',
        remedy: 'Run it inside a transaction: em.transactional(…).',
      });
    }
    const key = scopeKey(scope);
    if (key !== this.#transactionOf) throw this.#mismatch(key);
    // Where the settings do not stand, a statement that does nothing brings them; if it fails, the stream does too.
    if (this.#inScope !== 'yes') this.#submit(scope, { text: 'select' }, undefined, () => undefined);
  }

  #mismatch(scope: string): TenancyError {
    return new TenancyError('TENANCY_SCOPE_MISMATCH', { what: 'A transaction', other: this.#transactionOf, scope });
  }
}

function answerOf(command: string): pg.QueryResult {
  return Object.assign(new WireResult(), { command });
}

/** The stack that leads to the socket says nothing; the one that leads to the caller does. */
function withCallerStack(error: Error): Error {
  Error.captureStackTrace(error);
  return error;
}
