import { AsyncResource } from 'node:async_hooks';
import pg from 'pg';
import { currentScope } from '../context/current-scope.js';
import { TenancyError } from '../errors/tenancy-error.js';
import { translateError } from '../postgres/translate-error.js';
import type { ReadOnlyAnswer, ReadOnlyRequest } from './read-only-flight.js';
import type { GateOptions } from './scope-settings.js';
import type { TenantId } from '../tenant/tenant-id.js';
import { ScopedClient } from './scoped-client.js';
import { TenantShares } from './tenant-shares.js';

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

/** The one pool of a process: its clients are {@link ScopedClient}s, and a client that is not idle is never handed on. */
export class ScopedPool extends pg.Pool {
  readonly #config: ScopedPoolConfig;
  /** A socket keeps the async context it was made in for as long as it lives: that of no request. */
  readonly #outside = new AsyncResource('TenantryPool');
  readonly #shares: TenantShares | undefined;
  /** Who has a connection, as far as shares go. */
  readonly #holders = new WeakMap<object, TenantId>();

  constructor(config: ScopedPoolConfig) {
    super({ ...config, Client: ScopedClient } as unknown as pg.PoolConfig);
    this.#config = config;
    const { maxPerTenant, connectionTimeoutMillis } = config;
    if (maxPerTenant !== undefined) this.#shares = new TenantShares(maxPerTenant, connectionTimeoutMillis);
    this.on('release', (_error, client) => {
      this.#leaveShare(client);
      const scoped = client as unknown as ScopedClient;
      if (!scoped.idle) scoped.discard();
    });
    // Without a listener the loss of an idle connection ends the process. The pool has dropped it already.
    this.on('error', () => undefined);
    this.on('connect', (client) => client.on('error', () => undefined));
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(callback: ConnectCallback): void;
  override connect(callback?: ConnectCallback): Promise<pg.PoolClient> | void {
    if (callback) return this.#share(callback);
    return new Promise((resolve, reject) => {
      this.#share((error, client) => (client ? resolve(client) : reject(error ?? new Error('No client.'))));
    });
  }

  /** Waits for the tenant's share first, where tenants have one. */
  #share(callback: ConnectCallback): void {
    const scope = currentScope();
    if (!this.#shares || scope?.kind !== 'tenant') return this.#connect(callback);
    const { id } = scope.tenant;
    this.#shares.enter(id, (refused) => {
      if (refused) return callback(refused, undefined, () => undefined);
      this.#connect((error, client, release) => {
        if (client) this.#holders.set(client, id);
        else this.#shares?.leave(id);
        callback(error, client, release);
      });
    });
  }

  #connect(callback: ConnectCallback): void {
    // The pool calls back from whoever released a connection: without this the statement would leave in that scope.
    const bound = AsyncResource.bind(callback);
    this.#outside.runInAsyncScope(() =>
      super.connect((error, client, release) => bound(error && this.#translate(error), client, release)),
    );
  }

  #leaveShare(client: object): void {
    const tenant = this.#holders.get(client);
    this.#holders.delete(client);
    if (tenant !== undefined) this.#shares?.leave(tenant);
  }

  /**
   * Runs one select that can write nothing, in a scope of its own, whatever scope this code runs in.
   *
   * @throws TenancyError `TENANCY_SCOPE_REFUSED`, `TENANCY_POOL_EXHAUSTED`; otherwise what PostgreSQL says.
   */
  async readOnly(request: ReadOnlyRequest): Promise<ReadOnlyAnswer> {
    const client = await this.connect();
    try {
      return await (client as unknown as ScopedClient).readOnly(request);
    } finally {
      client.release();
    }
  }

  #translate(error: Error): Error {
    if (error.message === 'timeout exceeded when trying to connect') {
      const fields = { max: this.#config.max, acquireTimeoutMs: this.#config.connectionTimeoutMillis };
      return new TenancyError('TENANCY_POOL_EXHAUSTED', fields, { cause: error });
    }
    return translateError(error) ?? error;
  }
}
