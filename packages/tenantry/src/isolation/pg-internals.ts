import pg from 'pg';

/**
 * The parts of `pg` 8.23 that the gate leans on and its types leave out. `test/isolation/pg-contract.test.ts` and
 * `pg-contract-client.test.ts` fail when a new `pg` changes one of them.
 */
export interface WireConnection {
  parse(message: { text: string; name: string }): void;
  bind(message: { portal: string; statement: string; values: readonly string[] }): void;
  execute(message: { portal: string; rows: number }): void;
  on(event: 'parseComplete' | 'errorMessage', listener: () => void): void;
  /** Every message but Flush leaves through this. */
  _send(message: Buffer): boolean;
}

/** One statement on its way through the extended protocol. */
export interface WireQuery {
  name: string | undefined;
  readonly text: string;
  /** Rows for each portal run; not set, all of them. */
  readonly rows: number | undefined;
  submit(connection: WireConnection): Error | null;
  prepare(connection: WireConnection): void;
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: { text: string }, connection: WireConnection): void;
  handleError(error: Error, connection: WireConnection): void;
}

/** `pg.Query` as a class that can be extended with the types above. */
export const WireQueryBase = pg.Query as unknown as new (
  config: Record<string, unknown>,
  values: unknown,
  callback: unknown,
) => WireQuery;

/** An empty answer of a statement. */
export const WireResult = (pg as unknown as { Result: new () => pg.QueryResult }).Result;

/** A client's view of its own connection. */
export interface ClientInternals {
  readonly connection: WireConnection;
  /** Transaction state of the last ReadyForQuery: idle, in a transaction, in a failed one; `null` before the first. */
  readonly _txStatus: 'I' | 'T' | 'E' | null;
  /** `false` makes the pool drop the client when it is released. */
  _queryable: boolean;
  readonly _ending: boolean;
  /** No statement is under way. */
  readonly readyForQuery: boolean;
  readonly _queryQueue: readonly unknown[];
}
