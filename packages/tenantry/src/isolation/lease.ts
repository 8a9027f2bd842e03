import type pg from 'pg';
import { TenancyError } from '../errors/tenancy-error.js';
import { LentClient } from './lent-client.js';
import { nothingRan, type Unsent } from './nothing-ran.js';
import type { ReadOnlyAnswer, ReadOnlyRequest } from './read-only-flight.js';
import type { ScopedClient } from './scoped-client.js';
import { isWireObject } from './wire-object.js';

type Release = (destroy?: unknown) => void;
type Callback = (error: Error | null, result?: unknown) => void;
type Ask = (config: unknown, values?: unknown, callback?: unknown) => unknown;

/** One connection of the pool and the way to give it back. */
export interface Leased {
  readonly client: ScopedClient;
  readonly release: Release;
}

/** What a lease asks of the pool. */
export interface LeaseGround {
  /** Whether the pool may make a new connection for it. */
  mayRenew(unsent: Unsent): boolean;
  /** A new connection in place of one that was given back just now. */
  renew(): Promise<Leased>;
  /** The lease is over, and its connection given back. */
  ended(): void;
}

/** Milliseconds to wait for the answer to what was sent before release(). After an error it is in the next packet. */
const settleMs = 1000;

/**
 * A connection for as long as somebody has it. What its holder sends after giving it back is refused: by then it may be
 * another's, and in the middle of that one's transaction.
 */
export class Lease {
  #leased: Leased;
  readonly #ground: LeaseGround;
  /**
   * Why the lease has no connection any more. Making an error costs more than everything else here, so after an
   * ordinary release it is made only when somebody asks.
   */
  #over: Error | 'given back' | undefined;
  #released = false;
  #lent: LentClient | undefined;
  /** Set while its connection was given back and another one is awaited: until what had not run is sent again. */
  #renewal: Promise<void> | undefined;
  /** Statements so far. */
  #asked = 0;

  constructor(leased: Leased, ground: LeaseGround) {
    this.#leased = leased;
    this.#ground = ground;
    this.#listen();
  }

  /** Looks like the client itself, but ends with the lease. */
  asClient(): pg.PoolClient {
    const { client } = this.#leased;
    return new Proxy<pg.PoolClient>(
      client as unknown as pg.PoolClient,
      (this.#lent = new LentClient(this, this.#query, this.release)),
    );
  }

  /** Whether its holder gave it back: it may be another's. */
  get released(): boolean {
    return this.#released;
  }

  /** The connection as it is now: it may be another one than at first. */
  get client(): ScopedClient {
    return this.#leased.client;
  }

  /** @throws Error when it was given back already. */
  readonly release: Release = (destroy) => {
    if (this.#released) throw new Error('Release called on client which has already been released to the pool.');
    this.#released = true;
    if (this.#over || this.#renewal) return;
    const { client } = this.#leased;
    if (!client.busy) client.forgetBegin();
    if (destroy || !client.busy) this.#end('given back', destroy);
    else void client.settled(settleMs).then(() => this.#over ?? this.#end('given back'));
  };

  /** As {@link ScopedClient.readOnly}. */
  readOnly(request: ReadOnlyRequest): Promise<ReadOnlyAnswer> {
    return this.#awaited((client) => client.readOnly(request));
  }

  readonly #query: Ask = (config, values, callback) => {
    const { client } = this.#leased;
    // A client that lost its connection says so itself, and never has another.
    const over = this.#released ? givenBack() : this.#over instanceof TenancyError && this.#over;
    if (over) return refuse(client, over, config, values, callback);
    const told = isWireObject(config) ? undefined : callbackOf(config ?? {}, values, callback);
    if (this.#renewal) {
      const later = this.#renewal.then(() => this.#query(config, values, callback));
      if (isWireObject(config)) return config;
      return told ? undefined : later;
    }
    const ask = client.query as unknown as Ask;
    if (isWireObject(config) || config === null || config === undefined) {
      this.#asked++;
      return ask(config, values, callback);
    }
    if (!told) return this.#awaited((now) => (now.query as unknown as Ask)(config, values) as Promise<unknown>);
    const number = ++this.#asked;
    const bound = typeof values === 'function' ? undefined : values;
    return ask(config, bound, (error: Error | null, result: unknown) => {
      if (!nothingRan(error)) return told(error, result);
      const again = () => void (this.#leased.client.query as unknown as Ask)(config, bound, told);
      this.#again(number, error as Error, again).catch(told);
    });
  };

  #awaited<T>(send: (client: ScopedClient) => Promise<T>): Promise<T> {
    const number = ++this.#asked;
    const again = () => send(this.#leased.client);
    return send(this.#leased.client).catch((error: Error) => this.#again(number, error, again));
  }

  /**
   * Once, on a new connection: what the old one did not run, for it had gone away or did not know of the role. Not when others were
   * asked after it: they met the same connection, and a transaction would go on without them.
   */
  async #again<T>(number: number, error: Error, send: () => T | Promise<T>): Promise<T> {
    const unsent = nothingRan(error);
    if (!unsent || this.#over || this.#released || this.#renewal || number !== this.#asked) throw error;
    if (!this.#ground.mayRenew(unsent)) throw error;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#renewal = promise;
    let answer: T | Promise<T>;
    try {
      await this.#renew(error);
      if (unsent.begin !== undefined) await (this.#leased.client.query as unknown as Ask)(unsent.begin);
      answer = send();
    } finally {
      // What was asked meanwhile comes after it, and need not wait until it is answered.
      this.#renewal = undefined;
      resolve();
    }
    return answer;
  }

  async #renew(error: Error): Promise<void> {
    this.#unlisten();
    this.#leased.release(error);
    let failed: Error | undefined;
    try {
      this.#leased = await this.#ground.renew();
      this.#listen();
      // Given back meanwhile: this one too, then.
      if (this.#released) failed = givenBack();
    } catch (why) {
      this.#leased = { ...this.#leased, release: () => undefined };
      failed = why as Error;
    }
    if (!failed) return;
    this.#end(failed);
    throw error;
  }

  readonly #onLoss = (error?: Error): void => {
    this.#end(error ?? new Error('Connection terminated'), error ?? true);
  };

  #listen(): void {
    this.#leased.client.onLoss = this.#onLoss;
  }

  #unlisten(): void {
    this.#leased.client.onLoss = undefined;
  }

  /** Gives the connection back, also where its holder never will: a dead one keeps its place from others. */
  #end(over: Error | 'given back', destroy?: unknown): void {
    if (this.#over) return;
    this.#over = over;
    this.#unlisten();
    this.#lent?.takeOff();
    this.#leased.release(destroy);
    this.#ground.ended();
  }
}

function givenBack(): TenancyError {
  return new TenancyError('TENANCY_STATEMENT_REFUSED', {
    what: 'A statement after release()',
    remedy: 'Await every statement before the connection is given back.',
  });
}

function callbackOf(config: unknown, values: unknown, callback: unknown): Callback | undefined {
  const given = callback ?? (typeof values === 'function' ? values : (config as { callback?: unknown }).callback);
  return typeof given === 'function' ? (given as Callback) : undefined;
}

/** In the way in which the statement would have been answered. */
function refuse(client: ScopedClient, error: Error, ...[config, values, callback]: Parameters<Ask>): unknown {
  if (isWireObject(config)) {
    const { connection } = client as unknown as { connection: never };
    process.nextTick(() => config.handleError(error, connection));
    return config;
  }
  const told = callbackOf(config ?? {}, values, callback);
  if (!told) return Promise.reject(error);
  process.nextTick(told, error);
  return undefined;
}
