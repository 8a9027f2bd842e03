import { AsyncResource } from 'node:async_hooks';
import pg from 'pg';
import { currentScope } from '../context/current-scope.js';
import { type Scope, scopeKey } from '../context/scope.js';
import { TenancyError } from '../errors/tenancy-error.js';
import { enterScope, Preamble, reenterScope } from './entry.js';
import type { ClientInternals } from './pg-internals.js';
import { type GateOptions, scopeSettings } from './scope-settings.js';
import { type Entry, type Gate, ScopedQuery } from './scoped-query.js';
import { beginsBeforeAnyQuery, lastingCommand, mayLeaveScope } from './session-statement.js';

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
  /** Key of the scope whose transaction is open. */
  #transactionOf = 'none';
  /** Whether the open transaction has its scope's settings: not yet, yes, or a statement may have changed them. */
  #inScope: 'not yet' | 'yes' | 'unknown' = 'not yet';

  constructor(config: ScopedClientConfig) {
    super(config);
    this.#options = config.gate;
    this.#preamble = new Preamble(this.#internals.connection, config.gate);
    this.query = this.#query.bind(this) as unknown as typeof this.query;
  }

  /** Whether the pool may hand this connection to somebody else. */
  get idle(): boolean {
    return this.#internals._txStatus === 'I';
  }

  /** Makes the pool close this connection instead of keeping it. */
  discard(): void {
    this.#internals._queryable = false;
  }

  admit(scope: Scope | undefined, text: string): Entry | undefined | TenancyError {
    const what = lastingCommand(text);
    if (what)
      return new TenancyError('TENANCY_STATEMENT_REFUSED', {
        what,
        remedy: 'Use what ends with a transaction, such as SET LOCAL.',
      });
    const status = this.#internals._txStatus;
    const key = scopeKey(scope);
    if (status === 'T' || status === 'E') {
      if (key !== this.#transactionOf) return this.#mismatch(key);
    } else {
      this.#transactionOf = key;
      this.#inScope = 'not yet';
      // PostgreSQL takes an isolation level only before the first query, the preamble too. The next statement enters.
      if (beginsBeforeAnyQuery(text)) return undefined;
    }
    // In a failed transaction PostgreSQL runs nothing but the way out of it.
    if (status === 'E' || this.#inScope === 'yes') return undefined;
    const settings = scopeSettings(scope, this.#options);
    return this.#inScope === 'unknown' ? reenterScope(settings) : enterScope(settings, this.#preamble);
  }

  entered(): void {
    this.#inScope = 'yes';
  }

  completed(tag: string): void {
    if (mayLeaveScope(tag)) this.#inScope = 'unknown';
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
    if (typeof given === 'function') {
      // An answer arrives in the async context of the socket, which belongs to no scope.
      this.#submit(scope, text, settled.values, AsyncResource.bind(given as Callback));
      return undefined;
    }
    return new Promise((resolve, reject) => {
      this.#submit(scope, text, settled.values, (error, result) =>
        error ? reject(withCallerStack(error)) : resolve(result),
      );
    });
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

/** The stack that leads to the socket says nothing; the one that leads to the caller does. */
function withCallerStack(error: Error): Error {
  Error.captureStackTrace(error);
  return error;
}
