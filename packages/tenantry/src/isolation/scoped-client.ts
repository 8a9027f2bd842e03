import { AsyncResource } from 'node:async_hooks';
import { once } from 'node:events';
import pg from 'pg';
import { currentScope } from '../context/current-scope.js';
import { type Scope, scopeKey } from '../context/scope.js';
import { TenancyError } from '../errors/tenancy-error.js';
import { CopyTurns } from './copy-turns.js';
import { beginOnly, type Entry, enterScope, Preamble, reenterScope } from './entry.js';
import { type Gate, GatedQuery } from './gated-query.js';
import { endsSession } from './ends-session.js';
import { markNothingRan } from './nothing-ran.js';
import { ParseOnly } from './parse-only.js';
import { type ClientInternals, type WireObject, WireQueryBase, WireResult } from './pg-internals.js';
import { type ReadOnlyAnswer, ReadOnlyFlight, type ReadOnlyRequest } from './read-only-flight.js';
import { scopeRefusal } from './scope-refusal.js';
import { type GateOptions, scopeSettings } from './scope-settings.js';
import { type StatementNature, statementNature } from './statement-kind.js';
import { TransactionScope } from './transaction-scope.js';
import { Wire } from './wire.js';
import { isWireObject, shownStatement } from './wire-object.js';

/** `pg.Client` options plus the gate's. */
export type ScopedClientConfig = pg.ClientConfig & { gate: GateOptions };

type Callback = (error: Error | null, result?: unknown) => void;

const nothing = () => undefined;

/**
 * A connection on which every statement carries the scope it was issued in, whoever sends it and however. Nothing about a
 * tenant stays on the connection between two statements, so it can be pooled, also by PgBouncer in transaction mode.
 */
export class ScopedClient extends pg.Client implements Gate {
  readonly #options: GateOptions;
  readonly #preamble: Preamble;
  readonly #wire: Wire;
  readonly #transaction = new TransactionScope();
  readonly #copies: CopyTurns;
  /** A statement failed, and PostgreSQL has still to say how the transaction stands. */
  #settling = false;
  #heldAt = 0;
  #holdTimer: NodeJS.Timeout | undefined;

  /** @throws TenancyError `TENANCY_OPTION_INVALID` for `pipeline`: a statement would be sent before the one before is answered. */
  constructor(config: ScopedClientConfig) {
    refusePipeline(config);
    super(config);
    const { connection, connectionParameters } = this.#internals;
    this.#options = limitsOf(config.gate, connectionParameters);
    this.#wire = new Wire(connection);
    this.#preamble = new Preamble(connection, config.gate);
    this.#copies = new CopyTurns({
      connection,
      open: () => this.#open,
      hold: (begin, scope) => this.#transaction.hold(begin, scope),
      letGo: () => this.#transaction.letGo(),
      statement: (scope, text, nature, callback, before) =>
        this.#made(scope, { text }, nature, undefined, callback, before),
      object: (scope, nature, text, object) => new GatedQuery(this, { scope, nature, text, object, made: false }),
      next: (query) => this.#internals._queryQueue.unshift(query),
    });
    connection.on('readyForQuery', () => (this.#settling = false));
    connection.on('parameterStatus', ({ parameterName, parameterValue }) => {
      if (parameterName === 'server_version') this.#transaction.entersToCommit = Number.parseInt(parameterValue, 10) < 18;
    });
    this.query = this.#query.bind(this) as unknown as typeof this.query;
  }

  /** Whether the pool may hand this connection to somebody else: PostgreSQL has said that it is idle, after all that was sent. */
  get idle(): boolean {
    const { _queryQueue, readyForQuery } = this.#internals;
    return this.#wire.status === 'I' && this.#wire.quiet && _queryQueue.length === 0 && !this.#transaction.held && readyForQuery;
  }

  /** Whether it will be idle, or known not to be, as soon as PostgreSQL has said what became of a statement that ended. */
  get settling(): boolean {
    return this.#settling || this.#copies.ending;
  }

  /** Forgets a `begin` that was not sent: PostgreSQL knows nothing of it. */
  forgetBegin(): void {
    this.#transaction.letGo();
  }

  /** Waits until PostgreSQL has said how the statements that were sent left this connection, but no longer than this. */
  async settled(limitMs: number): Promise<void> {
    const signal = AbortSignal.timeout(limitMs);
    while (!this.idle && this.settling && !signal.aborted) await once(this, 'drain', { signal }).catch(nothing);
  }

  /** Makes the pool close this connection instead of keeping it. */
  discard(): void {
    this.#internals._queryable = false;
  }

  /** Of a `begin` that was held back too. */
  override getTransactionStatus(): 'I' | 'T' | 'E' | null {
    return this.#transaction.held ? 'T' : this.#wire.status;
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
        flight = new ReadOnlyFlight(request, { ...this.#options, wire: this.#wire }, (error, answer) =>
          error || !answer ? reject(error ?? new Error('No answer.')) : resolve(answer),
        );
        super.query(flight as unknown as pg.Submittable);
      });
    } catch (error) {
      await this.#afterFailedFlight();
      throw (flight?.entering && scopeRefusal(error as Error, request.scope)) || error;
    }
  }

  /** Where this fails too the pool closes the connection, because it is not idle. */
  async #afterFailedFlight(): Promise<void> {
    const texts = ['rollback', 'select pg_catalog.pg_advisory_unlock_all()'];
    for (const text of texts) {
      const ended = new Promise<void>((resolve, reject) => {
        const query = new WireQueryBase({ text, queryMode: 'extended' }, undefined, (error: Error | null) =>
          error ? reject(error) : resolve(),
        );
        const submit = query.submit.bind(query);
        query.submit = (connection) => this.#wire.turn(text, () => this.#wire.ours(() => submit(connection))) ?? null;
        super.query(query as unknown as pg.Submittable);
      });
      await ended.catch(() => this.discard());
    }
  }

  admit(scope: Scope | undefined, nature: StatementNature): Entry | undefined | Error {
    const admission = this.#transaction.admit(scopeKey(scope), nature, this.#wire.status ?? 'I');
    if (admission instanceof Error) return admission;
    const { connection } = this.#internals;
    const { begin, enter } = admission;
    // COPY brings messages with which nothing can travel, so its scope must stand already.
    if (nature.kind.startsWith('copy') && (begin !== undefined || enter !== 'not')) return scopeNotStanding(scope);
    if (enter === 'not') return begin === undefined ? undefined : beginOnly(connection, begin);
    const settings = scopeSettings(scope, this.#options);
    if (enter === 'first') return enterScope(connection, settings, this.#preamble, begin);
    return reenterScope(connection, settings, enter === 'again with limits');
  }

  turn(text: string, send: () => Error | null | undefined | void): Error | undefined {
    return this.#wire.turn(text, send);
  }

  ours<T>(send: () => T): T {
    return this.#wire.ours(send);
  }

  entered({ before, commands }: Entry, left: number): void {
    if (commands - left === before) this.#transaction.begun();
    if (left > 0 || before === commands) return;
    this.#transaction.entered();
  }

  refused({ begin, before, commands }: Entry, left: number, error: Error, scope: Scope | undefined): Error {
    this.#settling = true;
    // The `begin` itself failed: that is the caller's mistake, and PostgreSQL's to tell.
    if (commands - left < before && !endsSession(error)) return error;
    const lost = this.#preamble.failed(error);
    const refusal = scopeRefusal(error, scope) ?? error;
    if (lost) this.discard();
    this.#transaction.refused(refusal);
    // Until it is ready again, the status is that of before the flight.
    if (this.#wire.status === 'I' && (lost || (!this.#wire.answered && endsSession(error))))
      markNothingRan(refusal, begin === undefined ? undefined : { text: begin });
    return refusal;
  }

  failed(): void {
    this.#settling = true;
  }

  /** An object that does not say Sync after an error would wait for ever. */
  afterError(): void {
    if (this.#wire.needsSync) this.#internals.connection.sync();
  }

  completed(tag: string, nature: StatementNature): void {
    this.#transaction.completed(tag, nature);
  }

  get #internals(): ClientInternals {
    return this as unknown as ClientInternals;
  }

  get #open(): boolean {
    return this.#transaction.held !== undefined || (this.#wire.status ?? 'I') !== 'I';
  }

  #query(config: unknown, values?: unknown, callback?: unknown): unknown {
    const scope = currentScope();
    if (config === null || config === undefined) throw new TypeError('A query must be a text or an object, and it is none.');
    if (isWireObject(config)) return this.#submitObject(scope, config, values, callback);
    const text = (typeof config === 'string' ? { text: config } : config) as Record<string, unknown>;
    const given = callback ?? (typeof values === 'function' ? values : undefined) ?? text['callback'];
    const bound = typeof values === 'function' ? undefined : values;
    if (given !== undefined && typeof given !== 'function') throw new TypeError('callback is not a function');
    // An answer arrives in the async context of the socket, which belongs to no scope.
    if (given) return void this.#submitText(scope, text, bound, AsyncResource.bind(given as Callback));
    const { _Promise: Chosen } = this.#internals;
    return new Chosen((resolve, reject) => {
      this.#submitText(scope, text, bound, (error, result) => (error ? reject(error) : resolve(result)));
    }).catch((error: Error) => {
      // The stack that leads to the socket says nothing; the one that leads to the caller does.
      Error.captureStackTrace(error);
      throw error;
    });
  }

  #submitText(scope: Scope | undefined, config: Record<string, unknown>, values: unknown, callback: Callback): void {
    const { text } = config;
    if (typeof text !== 'string') return process.nextTick(callback, new TypeError('A query must have a text.'));
    const nature = statementNature(text);
    const answer = this.#answerAtOnce(scope, text, nature);
    if (answer) return process.nextTick(callback, answer instanceof Error ? answer : null, answer);
    super.query(this.#made(scope, config, nature, values, callback) as never);
  }

  /** A statement as `pg` would make it, but for its name: a prepared one of a tenant costs memory that is never given back. */
  #made(
    scope: Scope | undefined,
    config: Record<string, unknown>,
    nature: StatementNature,
    values: unknown,
    callback: Callback,
    before?: () => void,
  ): GatedQuery {
    const text = String(config['text']);
    const refusal = this.#refusalOf(nature);
    const object: WireObject =
      nature.kind === 'unknown' && refusal
        ? new ParseOnly(text, refusal, callback)
        : new WireQueryBase({ ...config, name: undefined, queryMode: 'extended' }, values, callback);
    const statement = { scope, nature, text, object, made: true, before, refusal: nature.kind === 'unknown' ? undefined : refusal };
    return new GatedQuery(this, statement, config['query_timeout'] as number | undefined);
  }

  #refusalOf({ kind, what = 'It' }: StatementNature): TenancyError | undefined {
    if (kind === 'unknown') return refused(what, 'Tenantry does not know it, so it was not run.');
    return kind.startsWith('copy') ? refused(what, 'Use from() or to() of pg-copy-streams.') : undefined;
  }

  #submitObject(scope: Scope | undefined, object: WireObject, values: unknown, callback: unknown): WireObject {
    const { text, nature, refusal } = shownStatement(object);
    const given = typeof values === 'function' ? values : callback;
    if (typeof given === 'function') object.callback ??= given as Callback;
    const timeout = (object as { query_timeout?: number }).query_timeout;
    const query =
      nature.kind.startsWith('copy') && !refusal
        ? this.#copies.begin(scope, nature, text, object)
        : new GatedQuery(this, { scope, nature, text, object, made: false, refusal }, timeout);
    super.query(query as never);
    return object;
  }

  /** PostgreSQL does not know yet that somebody is idle in a transaction, so it is for us to end that. */
  #limitHold(): void {
    const { idleTransactionTimeoutMs: limit } = this.#options;
    this.#heldAt = performance.now();
    if (limit > 0) this.#holdTimer ??= setTimeout(() => this.#endHold(limit), limit).unref();
  }

  #endHold(limit: number): void {
    this.#holdTimer = undefined;
    if (!this.#transaction.held) return;
    const left = this.#heldAt + limit - performance.now();
    if (left > 0) this.#holdTimer = setTimeout(() => this.#endHold(limit), left).unref();
    else {
      const reason = `a transaction waited ${limit} ms for its first statement`;
      const remedy = 'End every transaction that is begun, or raise `idleTransactionTimeoutMs`.';
      this.#internals.connection.stream.destroy(new TenancyError('TENANCY_STATEMENT_TIMEOUT', { reason, remedy }));
    }
  }

  /** Answers a `begin`, and the `rollback` of a transaction that PostgreSQL does not know of, without PostgreSQL. */
  #answerAtOnce(scope: Scope | undefined, text: string, { kind }: StatementNature): pg.QueryResult | Error | undefined {
    if (kind !== 'begin' && kind !== 'rollback') return undefined;
    const { readyForQuery, _queryQueue, _queryable, _ending } = this.#internals;
    const { status, quiet } = this.#wire;
    if (status !== 'I' || !quiet || !readyForQuery || _queryQueue.length > 0 || !_queryable || _ending) return undefined;
    if (!this.#transaction.held) {
      if (kind !== 'begin') return undefined;
      this.#transaction.hold({ text }, scopeKey(scope));
      this.#limitHold();
      return answerOf(/^\s*start\b/i.test(text) ? 'START' : 'BEGIN');
    }
    // A `commit` goes out with its `begin`: that it is done is for PostgreSQL to say, also of nothing.
    if (kind !== 'rollback') return undefined;
    const foreign = this.#transaction.foreign(scopeKey(scope));
    if (!foreign) this.#transaction.letGo();
    return foreign ?? answerOf('ROLLBACK');
  }
}

function answerOf(command: string): pg.QueryResult {
  return Object.assign(new WireResult(), { command });
}

function refused(what: string, remedy: string): TenancyError {
  return new TenancyError('TENANCY_STATEMENT_REFUSED', { what, remedy });
}

function scopeNotStanding(scope: Scope | undefined): TenancyError {
  const fields = { scope: scopeKey(scope), reason: 'it does not stand in this transaction', remedy: 'Nothing was sent.' };
  return new TenancyError('TENANCY_SCOPE_REFUSED', fields);
}

/** @throws TenancyError `TENANCY_OPTION_INVALID`. */
export function refusePipeline(config: { readonly pipeline?: unknown }): void {
  if (!config.pipeline) return;
  const reason = 'each statement is admitted when the one before it was answered';
  throw new TenancyError('TENANCY_OPTION_INVALID', { option: 'pipeline', reason });
}

/** Where the gate has no limits of its own, those that the client was given: they would be for the session, and so for nobody. */
function limitsOf(gate: GateOptions, given: ClientInternals['connectionParameters']): GateOptions {
  return {
    ...gate,
    statementTimeoutMs: gate.statementTimeoutMs || Number(given.statement_timeout) || 0,
    idleTransactionTimeoutMs: gate.idleTransactionTimeoutMs || Number(given.idle_in_transaction_session_timeout) || 0,
  };
}
