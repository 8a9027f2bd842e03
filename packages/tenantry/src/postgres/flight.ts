import pg from 'pg';
import type { Statement } from './one-flight.js';

interface Wire {
  parse(message: { text: string; name: string }): void;
  describe(message: { type: 'P'; name: string }): void;
  bind(message: { portal: string; statement: string; values: readonly unknown[]; valueMapper: unknown }): void;
  execute(message: { portal: string; rows: number }): void;
  sync(): void;
}

/** `pg.Query` with the parts that its types leave out. It already knows how to wait for many statements. */
const WireQuery = pg.Query as unknown as new (
  config: Record<string, unknown>,
  values: undefined,
  callback: (error: Error | null, results: pg.QueryResult | pg.QueryResult[]) => void,
) => {
  submit(connection: Wire): Error | null;
  prepare(connection: Wire): void;
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: unknown, connection: Wire): void;
  handleError(error: Error, connection: Wire): void;
};

/** An error of one statement of a flight. */
export interface FlightError extends Error {
  /** Position of the statement that failed, from 0; those after it were skipped by PostgreSQL. */
  statementIndex?: number;
  /** Its text. */
  statement?: string | undefined;
}

/** Many statements, each a message of its own, and one Sync: PostgreSQL answers once, and skips all after the first that fails. */
class Flight extends WireQuery {
  readonly #statements: readonly Statement[];
  readonly #read: boolean;
  #completed = 0;

  /** @param read - Asks for each statement what its rows look like: a message more in either direction. */
  constructor(
    statements: readonly Statement[],
    read: boolean,
    callback: (error: Error | null, results: pg.QueryResult | pg.QueryResult[]) => void,
  ) {
    super({ text: 'flight', queryMode: 'extended' }, undefined, callback);
    this.#statements = statements;
    this.#read = read;
  }

  override prepare(connection: Wire): void {
    for (const { text, values = [] } of this.#statements) {
      connection.parse({ text, name: '' });
      connection.bind({ portal: '', statement: '', values, valueMapper: toWire });
      if (this.#read) connection.describe({ type: 'P', name: '' });
      connection.execute({ portal: '', rows: 0 });
    }
    connection.sync();
  }

  /** Skips rows of statements that were not described, because their columns are unknown. */
  override handleDataRow(message: unknown): void {
    if (this.#read) super.handleDataRow(message);
  }

  override handleCommandComplete(message: unknown, connection: Wire): void {
    this.#completed++;
    super.handleCommandComplete(message, connection);
  }

  override handleError(error: Error, connection: Wire): void {
    const of = { statementIndex: this.#completed, statement: this.#statements[this.#completed]?.text };
    super.handleError(Object.assign(error, of), connection);
  }
}

/**
 * Sends statements in one message exchange: as fast as one script, while each statement stays a message of its own,
 * which keeps the way to Citus open, and while an error says which statement it belongs to. Rows are left out.
 *
 * @throws The error of the first statement that failed, with its `statementIndex`.
 */
export async function sendFlight(client: pg.ClientBase, statements: readonly Statement[]): Promise<void> {
  await fly(client, statements, false);
}

/** As {@link sendFlight}, and answers the result of each statement. */
export function readFlight(client: pg.ClientBase, statements: readonly Statement[]): Promise<pg.QueryResult[]> {
  return fly(client, statements, true);
}

function fly(client: pg.ClientBase, statements: readonly Statement[], read: boolean): Promise<pg.QueryResult[]> {
  return new Promise((resolve, reject) => {
    const flight = new Flight(statements, read, (error, results) => {
      if (error) reject(error);
      else resolve(Array.isArray(results) ? results : [results]);
    });
    client.query(flight as unknown as pg.Submittable);
  });
}

type Scalar = string | number | boolean | null | undefined;

/** Arrays become PostgreSQL's array literals; everything else is sent as its text. */
function toWire(value: Scalar | readonly Scalar[]): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value !== 'object') return String(value);
  const quoted = value.map((item) => (item === null ? 'NULL' : `"${String(item).replace(/["\\]/g, '\\$&')}"`));
  return `{${quoted.join(',')}}`;
}
