import { AsyncResource } from 'node:async_hooks';
import pg from 'pg';
import { currentScope } from '../context/current-scope.js';
import { TenancyError } from '../errors/tenancy-error.js';
import { translateError } from '../postgres/translate-error.js';
import { Lease, type Leased, type LeaseGround } from './lease.js';
import type { PoolInternals } from './pg-internals.js';
import type { ReadOnlyAnswer, ReadOnlyRequest } from './read-only-flight.js';
import type { GateOptions } from './scope-settings.js';
import { ScopedClient } from './scoped-client.js';
import { TenantShares } from './tenant-shares.js';
import { isQuery, isWireObject } from './wire-object.js';

/** Options of {@link ScopedPool}: those of `pg.Pool`, and the gate's. */
export interface ScopedPoolConfig extends pg.PoolConfig {
  gate: GateOptions;
  max: number;
  /** Milliseconds to wait for a free connection, and for a new one to be made. */
  connectionTimeoutMillis: number;
  /** Connections that one tenant may have at the same time. @default all */
  maxPerTenant?: number | undefined;
}

type ConnectCallback = (
  error: Error | undefined,
  client: pg.PoolClient | undefined,
  release: (destroy?: unknown) => void,
) => void;

const nothing = () => undefined;

/** The one pool of a process: its clients are {@link ScopedClient}s, and a client that is not idle is never handed on. */
export class ScopedPool extends pg.Pool {
  /** A socket keeps the async context it was made in for as long as it lives: that of no request. */
  readonly #outside = new AsyncResource('TenantryPool');
  readonly #shares: TenantShares | undefined;
  /** New connections of this second that were made because a role was denied. */
  #denials = { second: 0, count: 0 };

  constructor(config: ScopedPoolConfig) {
    super({ ...config, Client: ScopedClient } as unknown as pg.PoolConfig);
    const { maxPerTenant, connectionTimeoutMillis } = config;
    if (maxPerTenant !== undefined) this.#shares = new TenantShares(maxPerTenant, connectionTimeoutMillis);
    this.on('release', (_error, client) => {
      const scoped = client as unknown as ScopedClient;
      // A stream that met such a connection was refused and is not repeated. Closing it keeps the next caller from
      // meeting it.
      if (!scoped.idle || (scoped.denied && this.#mayRenew())) scoped.discard();
    });
    // Without a listener the loss of an idle connection ends the process. The pool has dropped it already.
    this.on('error', nothing);
    this.on('connect', (client) => {
      const scoped = client as unknown as ScopedClient;
      client.on('error', (error) => scoped.onLoss?.(error));
      client.on('end', () => scoped.onLoss?.());
    });
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(callback: ConnectCallback): void;
  override connect(callback?: ConnectCallback): Promise<pg.PoolClient> | void {
    if (callback) {
      // The pool calls back from whoever released a connection: without this the statement would leave in that scope.
      const caller = new AsyncResource('TenantryConnect');
      return this.#lease((error, lease) =>
        caller.runInAsyncScope(callback, undefined, error, lease?.asClient(), lease?.release ?? nothing),
      );
    }
    // Whoever awaits goes on in the context it began to wait in.
    return new Promise((resolve, reject) => {
      this.#lease((error, lease) => (lease ? resolve(lease.asClient()) : reject(error ?? new Error('No client.'))));
    });
  }

  /**
   * As `pg.Pool`'s.
   *
   * @throws TenancyError `TENANCY_STATEMENT_REFUSED` for a cursor or a stream: nobody would know when its connection is free again.
   */
  override query = ((config: unknown, ...rest: unknown[]): unknown => {
    if (!isWireObject(config) || isQuery(config))
      return (super.query as (...args: unknown[]) => unknown)(config, ...rest);
    const fields = { what: 'A cursor, a stream or COPY on the pool', remedy: 'Take a client of the pool: connect().' };
    return Promise.reject(new TenancyError('TENANCY_STATEMENT_REFUSED', fields));
  }) as pg.Pool['query'];

  /**
   * Runs one select that can write nothing, in a scope of its own, whatever scope this code runs in.
   *
   * @throws TenancyError `TENANCY_SCOPE_REFUSED`, `TENANCY_POOL_EXHAUSTED`; otherwise what PostgreSQL says.
   */
  async readOnly(request: ReadOnlyRequest): Promise<ReadOnlyAnswer> {
    const lease = await new Promise<Lease>((resolve, reject) => {
      this.#lease((error, leased) => (leased ? resolve(leased) : reject(error ?? new Error('No client.'))));
    });
    try {
      return await lease.readOnly(request);
    } finally {
      lease.release();
    }
  }

  /** Waits for the tenant's share first, where tenants have one. */
  #lease(callback: (error: Error | undefined, lease?: Lease) => void): void {
    const scope = currentScope();
    const shares = scope?.kind === 'tenant' ? this.#shares : undefined;
    const id = scope?.kind === 'tenant' ? scope.tenant.id : undefined;
    const leave = () => {
      if (id !== undefined) shares?.leave(id);
    };
    const connect = () =>
      this.#connect((error, leased) => {
        if (leased) return callback(undefined, new Lease(leased, this.#groundOf(leave)));
        leave();
        callback(error);
      });
    if (!shares || id === undefined) return connect();
    shares.enter(id, (refused) => (refused ? callback(refused) : connect()));
  }

  #groundOf(ended: () => void): LeaseGround {
    return { ended, renew: () => this.#renew(), mayRenew: ({ denied }) => !denied || this.#mayRenew() };
  }

  /** Limits the new connections of one second: where a role is truly not granted, each request would make one. */
  #mayRenew(): boolean {
    const second = Math.floor(performance.now() / 1000);
    if (this.#denials.second !== second) this.#denials = { second, count: 0 };
    return ++this.#denials.count <= this.options.max;
  }

  /**
   * Makes a new connection. An idle one may be gone for the same reason, or may have the same old list of memberships.
   */
  #renew(): Promise<Leased> {
    return new Promise((resolve, reject) => {
      this.#connect((error, leased) => (leased ? resolve(leased) : reject(error ?? new Error('No client.'))), true);
    });
  }

  #connect(callback: (error: Error | undefined, leased?: Leased) => void, made = false): void {
    const told: ConnectCallback = (error, client, release) =>
      client
        ? callback(undefined, { client: client as unknown as ScopedClient, release })
        : callback(error && this.#translate(error));
    const pool = this as unknown as PoolInternals;
    this.#outside.runInAsyncScope(() => {
      if (made && !this.ending && !pool._isFull()) pool.newClient({ callback: told, timedOut: false });
      else super.connect(told);
    });
  }

  #translate(error: Error): Error {
    if (error.message === 'timeout exceeded when trying to connect') {
      const { max, connectionTimeoutMillis } = this.options;
      const fields = { max, acquireTimeoutMs: connectionTimeoutMillis ?? 0 };
      return new TenancyError('TENANCY_POOL_EXHAUSTED', fields, { cause: error });
    }
    return translateError(error) ?? error;
  }
}
