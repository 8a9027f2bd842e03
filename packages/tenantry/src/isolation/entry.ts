import { sqlstate, sqlstateOf } from '../postgres/sqlstate.js';
import type { WireConnection } from './pg-internals.js';
import { preambleText, reentryTexts } from './scope-settings.js';

/** What goes before a statement, in its flight. */
export interface Entry {
  /** The `begin` that was held back, where it goes with this. */
  readonly begin?: string | undefined;
  /** Commands that PostgreSQL reports before those that enter the scope, as a `begin` that was held back. */
  readonly before: number;
  /** Commands that PostgreSQL reports before the statement's own. */
  readonly commands: number;
  send(): void;
}

/** The statement that enters a scope, on one connection: prepared once under a name, or each time where a pooler forbids names. */
export class Preamble {
  readonly #connection: WireConnection;
  readonly #name: string;
  #prepared = false;
  /** Statements of this flight that PostgreSQL parses before it; not set, it parses none for it. */
  #parsedBefore: number | undefined;

  constructor(connection: WireConnection, { transactionPooler }: { readonly transactionPooler: boolean }) {
    this.#connection = connection;
    this.#name = transactionPooler ? '' : 'tenantry_scope';
    if (transactionPooler) return;
    // Parsed is prepared, also where running it fails afterwards.
    connection.on('parseComplete', () => {
      if (this.#parsedBefore === 0) this.#prepared = true;
      this.#parsedBefore = this.#parsedBefore ? this.#parsedBefore - 1 : undefined;
    });
  }

  /** @param parsedBefore - Statements that were sent before it in the same flight. */
  send(settings: readonly string[], parsedBefore: number): void {
    this.#parsedBefore = this.#prepared ? undefined : parsedBefore;
    if (!this.#prepared) this.#connection.parse({ text: preambleText, name: this.#name });
    run(this.#connection, this.#name, settings);
  }

  /** PostgreSQL has refused it. Whether because it is not prepared any more, as after `deallocate all` in a function. */
  failed(error: Error): boolean {
    this.#parsedBefore = undefined;
    const lost = this.#prepared && sqlstateOf(error) === sqlstate.invalidStatementName;
    if (lost) this.#prepared = false;
    return lost;
  }
}

/** Enters a scope until the end of the transaction, which `begin` opens where it was held back. */
export function enterScope(
  connection: WireConnection,
  settings: readonly string[],
  preamble: Preamble,
  begin?: string,
): Entry {
  const before = begin === undefined ? 0 : 1;
  return {
    begin,
    before,
    commands: before + 1,
    send: () => {
      // An isolation level comes before the first query, also before this one.
      if (begin !== undefined) prepareAndRun(connection, begin);
      preamble.send(settings, before);
    },
  };
}

/** Opens the transaction that was held back, for a statement that needs no scope or must come before it. */
export function beginOnly(connection: WireConnection, begin: string): Entry {
  return { begin, before: 1, commands: 1, send: () => prepareAndRun(connection, begin) };
}

/** Enters a transaction's own scope again, after a statement that may have left it. */
export function reenterScope(connection: WireConnection, settings: readonly string[], limits: boolean): Entry {
  const texts = reentryTexts(settings, limits);
  return {
    before: 0,
    commands: texts.length,
    send: () => {
      for (const text of texts) prepareAndRun(connection, text);
    },
  };
}

function prepareAndRun(connection: WireConnection, text: string): void {
  connection.parse({ text, name: '' });
  run(connection, '', []);
}

function run(connection: WireConnection, statement: string, values: readonly string[]): void {
  connection.bind({ portal: '', statement, values });
  connection.execute({ portal: '', rows: 0 });
}
