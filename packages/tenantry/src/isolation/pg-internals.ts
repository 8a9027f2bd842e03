import type { Socket } from 'node:net';
import pg from 'pg';

/** How a transaction stands: idle, open, failed. */
export type TransactionStatus = 'I' | 'T' | 'E';

/** Answers of PostgreSQL that the gate reads on the connection itself, whoever asked. */
export interface WireEvents {
  readyForQuery: { readonly status: TransactionStatus };
  parameterStatus: { readonly parameterName: string; readonly parameterValue: string };
  parseComplete: unknown;
  bindComplete: unknown;
  closeComplete: unknown;
  commandComplete: unknown;
  rowDescription: unknown;
  portalSuspended: unknown;
  emptyQuery: unknown;
  copyInResponse: unknown;
  notification: unknown;
}

/**
 * The parts of `pg` 8.23 that the gate leans on and its types leave out. `test/isolation/pg-contract.test.ts` and
 * `pg-contract-client.test.ts` fail when a new `pg` changes one of them.
 */
export interface WireConnection {
  readonly stream: Socket;
  parse(message: { text: string; name: string }): void;
  bind(message: { portal: string; statement: string; values: readonly string[] }): void;
  execute(message: { portal: string; rows: number }): void;
  sync(): void;
  on<E extends keyof WireEvents>(event: E, listener: (message: WireEvents[E]) => void): void;
}

/** An object that brings its own messages: `pg` calls these as answers arrive. A cursor has some of them, COPY others. */
export interface WireObject {
  text?: unknown;
  name?: unknown;
  callback?: ((error: Error | null, result?: unknown) => void) | undefined;
  submit(connection: WireConnection): Error | null | undefined | void;
  handleRowDescription?(message: unknown): void;
  handleDataRow?(message: unknown): void;
  handlePortalSuspended?(connection: WireConnection): void;
  handleCommandComplete?(message: { text: string }, connection: WireConnection): void;
  handleEmptyQuery?(connection: WireConnection): void;
  handleCopyInResponse?(connection: WireConnection): void;
  handleCopyData?(message: unknown, connection: WireConnection): void;
  handleReadyForQuery(connection: WireConnection): void;
  handleError(error: Error, connection: WireConnection): void;
}

/** One statement of `pg`'s own on its way through the extended protocol. */
export interface WireQuery extends WireObject {
  name: string | undefined;
  text: string;
  queryMode: string | undefined;
  /** Rows for each portal run; not set, all of them. */
  readonly rows: number | undefined;
  submit(connection: WireConnection): Error | null;
  prepare(connection: WireConnection): void;
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: { text: string }, connection: WireConnection): void;
}

/** `pg.Query` as a class that can be extended with the types above. */
export const WireQueryBase = pg.Query as unknown as new (
  config: string | Record<string, unknown>,
  values: unknown,
  callback: unknown,
) => WireQuery;

/** An empty answer of a statement. */
export const WireResult = (pg as unknown as { Result: new () => pg.QueryResult }).Result;

/** A client's view of its own connection. */
export interface ClientInternals {
  readonly connection: WireConnection;
  readonly connectionParameters: {
    readonly statement_timeout?: unknown;
    readonly idle_in_transaction_session_timeout?: unknown;
  };
  /** The class of promise that the user chose. */
  readonly _Promise: PromiseConstructor;
  /** `false` makes the pool drop the client when it is released. */
  _queryable: boolean;
  readonly _ending: boolean;
  /** No statement is under way. */
  readonly readyForQuery: boolean;
  readonly _queryQueue: unknown[];
}

/** `pg.Client` as a class that can be extended with what its types leave out. */
export const WireClientBase = pg.Client as unknown as new (config: pg.ClientConfig) => pg.Client & {
  /** Whether statements may be sent before those before them are answered. */
  pipeline: boolean;
  /** Sends the next statement, if it may be sent now. */
  _pulseQueryQueue(): void;
};

/** What a pool keeps to itself. */
export interface PoolInternals {
  /** Whether it has as many connections as it may have. */
  _isFull(): boolean;
  /** Makes a connection for whoever waits, whether or not others are idle. */
  newClient(waiting: {
    readonly callback: (error: Error | undefined, client: pg.PoolClient | undefined, release: () => void) => void;
    readonly timedOut: boolean;
  }): void;
}
