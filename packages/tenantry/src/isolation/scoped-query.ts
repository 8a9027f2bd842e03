import pg from 'pg';
import type { Scope } from '../context/scope.js';
import { TenancyError } from '../errors/tenancy-error.js';
import type { OneWrite } from './one-write.js';
import { type WireConnection, WireQueryBase } from './pg-internals.js';
import { scopeRefusal } from './scope-refusal.js';

/** What goes before a statement. */
export interface Entry {
  /** How many commands PostgreSQL will report before the statement's own. */
  readonly commands: number;
  /** Whether the scope's settings stand when they are done. */
  readonly enters: boolean;
  send(connection: WireConnection): void;
}

/** What a statement asks of the connection it runs on. */
export interface Gate {
  /** Admits a statement on the connection as it is now: what to send first, nothing to send, or a refusal. */
  admit(scope: Scope | undefined, text: string): Entry | undefined | Error;
  /** What was sent first has been done. */
  entered(entry: Entry): void;
  /** What was sent first failed, so PostgreSQL skipped the statement. */
  refused(entry: Entry, error: Error): void;
  /** The statement has been done; `tag` is PostgreSQL's own word for what it was. */
  completed(tag: string): void;
  /** Sends several messages at once. */
  readonly inOneWrite: OneWrite;
}

/**
 * A statement that leaves with its scope: the preamble and the statement travel in one flight and one implicit
 * transaction. When the preamble fails PostgreSQL skips the statement; when the transaction ends the settings are gone.
 */
export class ScopedQuery extends WireQueryBase {
  readonly #gate: Gate;
  readonly #scope: Scope | undefined;
  #entry: Entry | undefined;
  /** Commands of the entry that PostgreSQL has not reported yet. */
  #entering = 0;

  constructor(
    gate: Gate,
    scope: Scope | undefined,
    config: Record<string, unknown>,
    values: unknown,
    callback: unknown,
  ) {
    // The extended protocol carries one statement: a second one, stacked by an injection, is refused by PostgreSQL.
    super({ ...config, queryMode: 'extended' }, values, callback);
    this.#gate = gate;
    this.#scope = scope;
    // A prepared statement of a tenant would cost every backend memory that it never gives back.
    this.name = undefined;
  }

  override submit(connection: WireConnection): Error | null {
    // On the wire a statement ends at its first NUL; PostgreSQL would take the rest for another part of the message.
    if (this.text.includes('\0'))
      return new TenancyError('TENANCY_VALUE_INVALID', { reason: 'a text has the character NUL' });
    const entry = this.#gate.admit(this.#scope, this.text);
    if (entry instanceof Error) return entry;
    this.#entry = entry;
    this.#entering = entry?.commands ?? 0;
    return super.submit(connection);
  }

  override prepare(connection: WireConnection): void {
    const send = () => {
      this.#entry?.send(connection);
      super.prepare(connection);
    };
    // Paging ends with a Flush, which goes another way and would overtake.
    if (this.rows) send();
    else this.#gate.inOneWrite(send);
  }

  override handleDataRow(message: unknown): void {
    if (this.#entering === 0) super.handleDataRow(message);
  }

  override handleCommandComplete(message: { text: string }, connection: WireConnection): void {
    if (this.#entering === 0) {
      this.#gate.completed(message.text);
      super.handleCommandComplete(message, connection);
    } else if (--this.#entering === 0 && this.#entry) this.#gate.entered(this.#entry);
  }

  override handleError(error: Error, connection: WireConnection): void {
    // A value that cannot be sent is no answer of PostgreSQL: it still does what was sent before.
    if (this.#entering === 0 || !this.#entry || !(error instanceof pg.DatabaseError)) {
      super.handleError(error, connection);
      return;
    }
    this.#entering = 0;
    const refusal = scopeRefusal(error, this.#scope) ?? error;
    this.#gate.refused(this.#entry, refusal);
    super.handleError(refusal, connection);
  }
}
