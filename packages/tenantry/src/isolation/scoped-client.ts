import { AsyncResource } from 'node:async_hooks';
import { once } from 'node:events';
import type pg from 'pg';
import { currentScope } from '../context/current-scope.js';
import type { Scope } from '../context/scope.js';
import { CopyTurns } from './copy-turns.js';
import { GatedQuery } from './gated-query.js';
import { NamedTexts } from './named-texts.js';
import { type ClientInternals, WireClientBase, type WireObject, WireQueryBase, WireResult } from './pg-internals.js';
import { type ReadOnlyAnswer, ReadOnlyFlight, type ReadOnlyRequest } from './read-only-flight.js';
import { ScopeGate } from './scope-gate.js';
import { scopeRefusal } from './scope-refusal.js';
import type { GateOptions } from './scope-settings.js';
import { type StatementNature, statementNature } from './statement-kind.js';
import { textQuery } from './text-query.js';
import { isQuery, isWireObject, shownStatement } from './wire-object.js';

/** `pg.Client` options plus the gate's. */
export type ScopedClientConfig = pg.ClientConfig & { gate: GateOptions };

type Callback = (error: Error | null, result?: unknown) => void;

const nothing = () => undefined;

const gates = new WeakMap<object, ScopeGate>();

/** The gate of a client's connection, for what must pass it: nobody who has only the client can. */
export function gateOf({ connection }: { readonly connection?: object }): ScopeGate | undefined {
  return connection && gates.get(connection);
}

/**
 * A connection on which every statement carries the scope it was issued in, whoever sends it and however. Nothing about a
 * tenant stays on the connection between two statements, so it can be pooled, also by PgBouncer in transaction mode.
 */
export class ScopedClient extends WireClientBase {
  readonly #gate: ScopeGate;
  readonly #copies: CopyTurns;
  readonly #named = new NamedTexts();
  /** Told when the connection is lost while somebody has it. One for all its holders: to listen anew for each costs more. */
  onLoss: ((error?: Error) => void) | undefined;

  constructor(config: ScopedClientConfig) {
    super(config);
    const { connection, connectionParameters } = this.#internals;
    const gate = new ScopeGate(connection, limitsOf(config.gate, connectionParameters));
    this.#gate = gate;
    gates.set(connection, gate);
    this.#copies = new CopyTurns(gate, connection, (query) => this.#internals._queryQueue.unshift(query));
    this.query = this.#query.bind(this) as unknown as typeof this.query;
  }

  /** Whether the pool may hand this connection to somebody else: PostgreSQL has said that it is idle, after all that was sent. */
  get idle(): boolean {
    return this.#gate.wire.status === 'I' && !this.busy && !this.#gate.held && !this.#gate.tainted;
  }

  /** Whether a statement was sent or waits to be sent whose answer, and how it leaves the transaction, is still to come. */
  get busy(): boolean {
    return !this.#gate.wire.quiet || this.#internals._queryQueue.length > 0;
  }

  /** Whether PostgreSQL denied a tenant's role here. Other connections may be let in. */
  get denied(): boolean {
    return this.#gate.denied;
  }

  /** Forgets a `begin` that was not sent: PostgreSQL knows nothing of it. */
  forgetBegin(): void {
    this.#gate.letGo();
  }

  /** Waits until PostgreSQL has answered all that was sent, but no longer than this. */
  async settled(limitMs: number): Promise<void> {
    const signal = AbortSignal.timeout(limitMs);
    while (this.busy && !signal.aborted) await once(this, 'drain', { signal }).catch(nothing);
  }

  /** Makes the pool close this connection instead of keeping it. */
  discard(): void {
    this.#internals._queryable = false;
  }

  /** Of a `begin` that was held back too. */
  override getTransactionStatus(): 'I' | 'T' | 'E' | null {
    return this.#gate.held ? 'T' : this.#gate.wire.status;
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
        flight = new ReadOnlyFlight(request, this.#gate, (error, answer) =>
          error || !answer ? reject(error ?? new Error('No answer.')) : resolve(answer),
        );
        super.query(flight as unknown as pg.Submittable);
      });
    } catch (error) {
      const answered = error as Error;
      const refusal = flight?.entering ? (scopeRefusal(answered, request.scope) ?? answered) : answered;
      if (flight?.entering) this.#gate.unlessRun(answered, refusal);
      await this.#afterFailedFlight();
      throw refusal;
    }
  }

  /** Ends what the flight left open. If this fails too, the connection is not idle and the pool closes it. */
  async #afterFailedFlight(): Promise<void> {
    const texts = ['rollback', 'select pg_catalog.pg_advisory_unlock_all()'];
    for (const text of texts) {
      const ended = new Promise<void>((resolve, reject) => {
        const query = new WireQueryBase({ text, queryMode: 'extended' }, undefined, (error: Error | null) =>
          error ? reject(error) : resolve(),
        );
        const submit = query.submit.bind(query);
        query.submit = (connection) => this.#gate.turn(text, () => this.#gate.ours(() => submit(connection))) ?? null;
        super.query(query as unknown as pg.Submittable);
      });
      await ended.catch(() => this.discard());
    }
  }

  get #internals(): ClientInternals {
    return this as unknown as ClientInternals;
  }

  #query(config: unknown, values?: unknown, callback?: unknown): unknown {
    const scope = currentScope();
    if (config === null || config === undefined) throw new TypeError('A query must be a text or an object.');
    if (isWireObject(config)) return this.#submitObject(scope, config, values, callback);
    const asked = config as string | Record<string, unknown>;
    const own = typeof asked === 'string' ? undefined : asked['callback'];
    const given = callback ?? (typeof values === 'function' ? values : undefined) ?? own;
    const bound = typeof values === 'function' ? undefined : values;
    if (given !== undefined && typeof given !== 'function') throw new TypeError('callback is not a function');
    // An answer arrives in the async context of the socket, which belongs to no scope.
    if (given) return this.#submitText(scope, asked, bound, AsyncResource.bind(given as Callback));
    const { _Promise: Chosen } = this.#internals;
    return new Chosen((resolve, reject) => {
      this.#submitText(scope, asked, bound, (error, result) => (error ? reject(error) : resolve(result)));
    }).catch((error: Error) => {
      // The error's own stack begins at the socket and helps nobody. This one shows who asked.
      Error.captureStackTrace(error);
      throw error;
    });
  }

  #submitText(
    scope: Scope | undefined,
    asked: string | Record<string, unknown>,
    values: unknown,
    callback: Callback,
  ): void {
    // Most statements come as a text and its values. Letting `pg` make an object of them would cost more than
    // everything else here.
    const config = typeof asked === 'string' ? undefined : asked;
    const text = typeof asked === 'string' ? asked : this.#named.textOf(asked);
    if (text instanceof Error) return process.nextTick(callback, text);
    const nature = statementNature(text);
    const answer = this.#answerAtOnce(scope, text, nature);
    if (answer) return process.nextTick(callback, answer instanceof Error ? answer : null, answer);
    const told: Callback = (error, result) => {
      if (error) this.#named.forget(config?.['name']);
      callback(error, result);
    };
    const statement = { scope, text, config, values, nature, callback: config?.['name'] ? told : callback };
    this.#enqueue(textQuery(this.#gate, statement), config?.['rows'] ? 'The `rows` option is' : undefined);
  }

  #submitObject(scope: Scope | undefined, object: WireObject, values: unknown, callback: unknown): WireObject {
    const { name } = object;
    const { text, nature, refusal } = shownStatement(object, this.#named);
    const given = typeof values === 'function' ? values : callback;
    if (typeof given === 'function') object.callback ??= given as Callback;
    const timeout = (object as { query_timeout?: number }).query_timeout;
    const statement = { scope, nature, text, object, made: false, refusal, failed: () => this.#named.forget(name) };
    const query =
      nature.kind.startsWith('copy') && !refusal
        ? this.#copies.begin(scope, nature, text, object)
        : new GatedQuery(this.#gate, statement, timeout);
    this.#enqueue(query, isQuery(object) ? undefined : 'Cursors, streams and COPY are');
    return object;
  }

  /**
   * Gives a statement its place in the queue. A client that was made with `pipeline: true` keeps what `pg` says of such clients,
   * but sends one statement at a time: each is admitted by what PostgreSQL said of the one before.
   */
  #enqueue(query: GatedQuery, unfit: string | undefined): void {
    if (this.pipeline && unfit) {
      const error = new Error(`${unfit} not supported in pipeline mode`);
      return process.nextTick(() => query.handleError(error, this.#internals.connection));
    }
    this.#oneByOne(() => super.query(query as never));
  }

  /** Called by `pg` whenever the next statement may be sent. */
  override _pulseQueryQueue(): void {
    this.#oneByOne(() => super._pulseQueryQueue());
  }

  #oneByOne(send: () => void): void {
    const { pipeline } = this;
    this.pipeline = false;
    try {
      send();
    } finally {
      this.pipeline = pipeline;
    }
  }

  /** Answers a `begin`, and the `rollback` of a transaction that PostgreSQL does not know of, without PostgreSQL. */
  #answerAtOnce(scope: Scope | undefined, text: string, { kind }: StatementNature): pg.QueryResult | Error | undefined {
    if (kind !== 'begin' && kind !== 'rollback') return undefined;
    const { readyForQuery, _queryQueue, _queryable, _ending } = this.#internals;
    const { status, quiet } = this.#gate.wire;
    if (status !== 'I' || !quiet || !readyForQuery || _queryQueue.length > 0 || !_queryable || _ending)
      return undefined;
    if (!this.#gate.held) {
      if (kind !== 'begin') return undefined;
      this.#gate.hold(text, scope);
      return answerOf(/^\s*start\b/i.test(text) ? 'START' : 'BEGIN');
    }
    // A `commit` goes out with its `begin`: that it is done is for PostgreSQL to say, also of nothing.
    if (kind !== 'rollback') return undefined;
    const foreign = this.#gate.foreign(scope);
    if (!foreign) this.#gate.letGo();
    return foreign ?? answerOf('ROLLBACK');
  }
}

function answerOf(command: string): pg.QueryResult {
  return Object.assign(new WireResult(), { command });
}

/** Where the gate has no limits of its own, those that the client was given: they would be for the session, and so for nobody. */
function limitsOf(gate: GateOptions, given: ClientInternals['connectionParameters']): GateOptions {
  return {
    ...gate,
    statementTimeoutMs: gate.statementTimeoutMs || wholeMs(given.statement_timeout),
    idleTransactionTimeoutMs: gate.idleTransactionTimeoutMs || wholeMs(given.idle_in_transaction_session_timeout),
  };
}

function wholeMs(given: unknown): number {
  return Number.parseInt(String(given), 10) || 0;
}
