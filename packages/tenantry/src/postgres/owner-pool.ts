import pg from 'pg';
import { TenancyError } from '../errors/tenancy-error.js';
import { connectError } from './translate-error.js';

/** Options of {@link OwnerPool}: those of `pg.Pool`, and where its URL comes from. */
export interface OwnerPoolConfig extends pg.PoolConfig {
  max: number;
  /** Milliseconds to wait for a free connection, and for a new one to be made. */
  connectionTimeoutMillis: number;
  /** What the operator set, such as `DATABASE_OWNER_URL`: an error of connecting names it. */
  variable: string;
}

type ConnectCallback = Parameters<pg.Pool['connect']>[0];

/** The connections of the owner role. Whoever asks for one and gets none is told of this role's URL and limits. */
export class OwnerPool extends pg.Pool {
  readonly #config: OwnerPoolConfig;

  constructor(config: OwnerPoolConfig) {
    super(config);
    this.#config = config;
    // Without a listener the loss of a connection ends the process. One in use tells its holder by its statement, and
    // an idle one is replaced.
    this.on('error', () => undefined);
    this.on('connect', (client) => client.on('error', () => undefined));
  }

  /** @throws TenancyError `TENANCY_DATABASE_UNAVAILABLE`, `TENANCY_OWNER_POOL_EXHAUSTED`. */
  override connect(): Promise<pg.PoolClient>;
  override connect(callback: ConnectCallback): void;
  override connect(callback?: ConnectCallback): Promise<pg.PoolClient> | void {
    if (!callback)
      return super.connect().catch((error: unknown) => {
        throw this.#translate(error as Error);
      });
    super.connect((error, client, release) => callback(error && this.#translate(error), client, release));
  }

  /** What the operator set for this URL. */
  get variable(): string {
    return this.#config.variable;
  }

  #translate(error: Error): Error {
    // This process ends the pool itself, so PostgreSQL has not failed.
    if (this.ending) return error;
    const { max, connectionTimeoutMillis: acquireTimeoutMs, variable } = this.#config;
    return error.message === 'timeout exceeded when trying to connect'
      ? new TenancyError('TENANCY_OWNER_POOL_EXHAUSTED', { max, acquireTimeoutMs }, { cause: error })
      : connectError(error, variable);
  }
}
