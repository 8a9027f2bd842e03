import pg from 'pg';
import { currentScope } from '../context/current-scope.js';
import { type Scope, scopeKey } from '../context/scope.js';
import { TenancyError } from '../errors/tenancy-error.js';
import type { ClientInternals } from './pg-internals.js';
import { type GateOptions, scopeSettings } from './scope-settings.js';
import { type Gate, ScopedQuery } from './scoped-query.js';

const preambleName = 'tenantry_scope';

/** `pg.Client` options plus the gate's. */
export type ScopedClientConfig = pg.ClientConfig & { gate: GateOptions };

/**
 * A connection on which every statement carries the scope it was issued in. Nothing about a tenant stays on the
 * connection between two statements, so it can be pooled, also by PgBouncer in transaction mode.
 */
export class ScopedClient extends pg.Client implements Gate {
  readonly #options: GateOptions;
  /** Key of the scope whose transaction is open. */
  #transactionOf = 'none';
  #prepared = false;

  constructor(config: ScopedClientConfig) {
    super(config);
    this.#options = config.gate;
    if (!config.gate.transactionPooler) {
      // The first Parse on every connection is the preamble's, because every statement is preceded by it.
      this.#internals.connection.on('parseComplete', () => (this.#prepared = true));
    }
    this.query = this.#query.bind(this) as unknown as typeof this.query;
  }

  get preamble(): Gate['preamble'] {
    return this.#options.transactionPooler ? { name: '', prepared: false } : { name: preambleName, prepared: this.#prepared };
  }

  /** Whether the pool may hand this connection to somebody else. */
  get idle(): boolean {
    return this.#internals._txStatus === 'I';
  }

  /** Makes the pool close this connection instead of keeping it. */
  discard(): void {
    this.#internals._queryable = false;
  }

  admit(scope: Scope | undefined): readonly string[] | undefined | TenancyError {
    const key = scopeKey(scope);
    if (this.idle) {
      this.#transactionOf = key;
      return scopeSettings(scope, this.#options);
    }
    return key === this.#transactionOf ? undefined : this.#mismatch(key, 'A transaction');
  }

  get #internals(): ClientInternals {
    return this as unknown as ClientInternals;
  }

  #query(config: string | Record<string, unknown>, values?: unknown, callback?: unknown): unknown {
    const scope = currentScope();
    if (typeof config === 'object' && config !== null && typeof config['submit'] === 'function') {
      this.#admitStream(scope);
      return super.query(config as never, values as never, callback as never);
    }
    const settled = typeof values === 'function' ? { values: undefined, callback: values } : { values, callback };
    const text = typeof config === 'string' ? { text: config } : config;
    if (typeof (settled.callback ?? text['callback']) === 'function') {
      super.query(new ScopedQuery(this, scope, text, settled.values, settled.callback) as never);
      return undefined;
    }
    return new Promise((resolve, reject) => {
      const done = (error: Error | null, result: unknown) => (error ? reject(withCallerStack(error)) : resolve(result));
      super.query(new ScopedQuery(this, scope, text, settled.values, done) as never);
    });
  }

  /** Cursors and COPY bring their own messages, so the preamble cannot travel with them: their scope must stand already. */
  #admitStream(scope: Scope | undefined): void {
    if (this.idle) {
      throw new TenancyError('TENANCY_STATEMENT_REFUSED', {
        what: 'A cursor, a stream or COPY',
        remedy: 'Run it inside a transaction: em.transactional(…).',
      });
    }
    const key = scopeKey(scope);
    if (key !== this.#transactionOf) throw this.#mismatch(key, 'A transaction');
  }

  #mismatch(scope: string, what: string): TenancyError {
    return new TenancyError('TENANCY_SCOPE_MISMATCH', { what, other: this.#transactionOf, scope });
  }
}

/** The stack that leads to the socket says nothing; the one that leads to the caller does. */
function withCallerStack(error: Error): Error {
  Error.captureStackTrace(error);
  return error;
}
