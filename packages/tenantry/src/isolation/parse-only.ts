import { type WireConnection, WireQueryBase } from './pg-internals.js';

/**
 * Asks PostgreSQL what it makes of a text, and does not run it. What the gate does not know is a mistake, told with PostgreSQL's
 * own error, or a command of a PostgreSQL that is newer than the gate, which may do anything.
 */
export class ParseOnly extends WireQueryBase {
  readonly #refusal: Error | undefined;

  /** @param refusal - What to answer where PostgreSQL understands it as one statement; not given, that it does. */
  constructor(text: string, refusal: Error | undefined, callback: unknown) {
    super({ text, queryMode: 'extended' }, undefined, callback);
    this.#refusal = refusal;
  }

  override prepare(connection: WireConnection): void {
    connection.parse({ text: this.text, name: '' });
    connection.sync();
  }

  override handleReadyForQuery(connection: WireConnection): void {
    if (this.#refusal) this.handleError(this.#refusal, connection);
    else super.handleReadyForQuery(connection);
  }
}
