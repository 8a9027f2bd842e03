import type { Scope } from '../context/scope.js';
import { TenancyError } from '../errors/tenancy-error.js';
import { scopeKey } from '../context/scope.js';
import { type WireConnection, WireQueryBase } from './pg-internals.js';
import { preambleText } from './scope-settings.js';

/** What a statement asks of the connection it runs on. */
export interface Gate {
  /** Admits a statement on the connection as it is now: the settings to send first, nothing to send, or a refusal. */
  admit(scope: Scope | undefined): readonly string[] | undefined | TenancyError;
  /** The name the preamble is prepared under, and whether this connection has it already. */
  readonly preamble: { readonly name: string; readonly prepared: boolean };
}

/**
 * A statement that leaves with its scope: the preamble and the statement travel in one flight and one implicit
 * transaction. When the preamble fails PostgreSQL skips the statement; when the transaction ends the settings are gone.
 */
export class ScopedQuery extends WireQueryBase {
  readonly #gate: Gate;
  readonly #scope: Scope | undefined;
  #settings: readonly string[] | undefined;

  constructor(gate: Gate, scope: Scope | undefined, config: Record<string, unknown>, values: unknown, callback: unknown) {
    // The extended protocol carries one statement: a second one, stacked by an injection, is refused by PostgreSQL.
    super({ ...config, queryMode: 'extended' }, values, callback);
    this.#gate = gate;
    this.#scope = scope;
    // A prepared statement of a tenant would cost every backend memory that it never gives back.
    this.name = undefined;
  }

  override submit(connection: WireConnection): Error | null {
    const admitted = this.#gate.admit(this.#scope);
    if (admitted instanceof TenancyError) return admitted;
    this.#settings = admitted;
    return super.submit(connection);
  }

  override prepare(connection: WireConnection): void {
    if (this.#settings) {
      const { name, prepared } = this.#gate.preamble;
      if (!prepared) connection.parse({ text: preambleText, name });
      connection.bind({ portal: '', statement: name, values: this.#settings });
      connection.execute({ portal: '', rows: 0 });
    }
    super.prepare(connection);
  }

  override handleDataRow(message: unknown): void {
    if (!this.#settings) super.handleDataRow(message);
  }

  override handleCommandComplete(message: unknown, connection: WireConnection): void {
    if (this.#settings) this.#settings = undefined;
    else super.handleCommandComplete(message, connection);
  }

  override handleError(error: Error, connection: WireConnection): void {
    const refused = this.#settings !== undefined && 'severity' in error;
    this.#settings = undefined;
    const fields = { scope: scopeKey(this.#scope), reason: error.message };
    super.handleError(refused ? new TenancyError('TENANCY_SCOPE_REFUSED', fields, { cause: error }) : error, connection);
  }
}
