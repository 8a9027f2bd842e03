import pg from 'pg';
import type { Statement } from './one-flight.js';

interface Wire {
  parse(message: { text: string; name: string }): void;
  bind(message: { portal: string; statement: string; values: readonly unknown[]; valueMapper: unknown }): void;
  execute(message: { portal: string; rows: number }): void;
  sync(): void;
}

/** `pg.Query` with the parts that its types leave out. It already knows how to wait for many statements. */
const WireQuery = pg.Query as unknown as new (
  config: Record<string, unknown>,
  values: undefined,
  callback: (error: Error | null) => void,
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
}

/**
 * Many statements, each a message of its own, and one Sync: PostgreSQL answers once, and skips all after the first that
 * fails. Nothing asks what their rows look like, which saves a message in either direction for each.
 */
class Flight extends WireQuery {
  readonly #statements: readonly Statement[];
  #completed = 0;

  constructor(statements: readonly Statement[], callback: (error: Error | null) => void) {
    super({ text: 'flight', queryMode: 'extended' }, undefined, callback);
    this.#statements = statements;
  }

  override prepare(connection: Wire): void {
    for (const { text, values = [] } of this.#statements) {
      connection.parse({ text, name: '' });
      connection.bind({ portal: '', statement: '', values, valueMapper: toWire });
      connection.execute({ portal: '', rows: 0 });
    }
    connection.sync();
  }

  /** Without a description it cannot be read. */
  override handleDataRow(_message: unknown): void {}

  override handleCommandComplete(message: unknown, connection: Wire): void {
    this.#completed++;
    super.handleCommandComplete(message, connection);
  }

  override handleError(error: Error, connection: Wire): void {
    super.handleError(Object.assign(error, { statementIndex: this.#completed }), connection);
  }
}

/**
 * Sends statements in one message exchange: as fast as one script, while each statement stays a message of its own,
 * which keeps the way to Citus open, and while an error says which statement it belongs to. Rows are left out.
 *
 * @throws The error of the first statement that failed, with its `statementIndex`.
 */
export function sendFlight(client: pg.ClientBase, statements: readonly Statement[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const flight = new Flight(statements, (error) => {
      if (error) reject(error);
      else resolve();
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
