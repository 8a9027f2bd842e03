import { type WireConnection, WireQueryBase } from './pg-internals.js';

/**
 * Asks PostgreSQL what it makes of a statement, and does not run it: what the gate does not know is a mistake, told with
 * PostgreSQL's own error, or a command of a PostgreSQL that is newer than the gate, which may do anything.
 */
export class ParseOnly extends WireQueryBase {
  readonly #refusal: Error;

  constructor(text: string, refusal: Error, callback: unknown) {
    super({ text, queryMode: 'extended' }, undefined, callback);
    this.#refusal = refusal;
  }

  override prepare(connection: WireConnection): void {
    connection.parse({ text: this.text, name: '' });
    connection.sync();
  }

  override handleReadyForQuery(connection: WireConnection): void {
    this.handleError(this.#refusal, connection);
  }
}
