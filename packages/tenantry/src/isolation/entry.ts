import { randomBytes } from 'node:crypto';
import { sqlstate, sqlstateOf } from '../postgres/sqlstate.js';
import type { WireConnection } from './pg-internals.js';
import { preambleText, preambleValues, scopeCommands, type ScopeSettings } from './scope-settings.js';

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
  /**
   * How many statements of this flight PostgreSQL parses before this one; `undefined` while it is not being prepared.
   */
  #parsedBefore: number | undefined;

  constructor(connection: WireConnection, { transactionPooler }: { readonly transactionPooler: boolean }) {
    this.#connection = connection;
    // A random name: a statement that a tenant prepares cannot take its place.
    this.#name = transactionPooler ? '' : `tenantry_scope_${randomBytes(12).toString('hex')}`;
    if (transactionPooler) return;
    // A statement that was parsed is prepared, even if running it fails afterwards.
    connection.on('parseComplete', () => {
      if (this.#parsedBefore === 0) this.#prepared = true;
      this.#parsedBefore = this.#parsedBefore ? this.#parsedBefore - 1 : undefined;
    });
  }

  /** @param parsedBefore - Statements that were sent before it in the same flight. */
  send(settings: ScopeSettings, parsedBefore: number): void {
    this.#parsedBefore = this.#prepared ? undefined : parsedBefore;
    if (!this.#prepared) this.#connection.parse({ text: preambleText, name: this.#name });
    run(this.#connection, this.#name, preambleValues(settings));
  }

  /** Nothing was sent. */
  takenBack(): void {
    this.#parsedBefore = undefined;
  }

  /**
   * PostgreSQL refused to enter the scope. Answers whether the session itself is the reason: its prepared statement was
   * deallocated, or it is in a role that may not call `set_config`, as after `set role` in a function.
   */
  failed(error: Error): boolean {
    this.#parsedBefore = undefined;
    const state = sqlstateOf(error);
    const lost = this.#prepared && state === sqlstate.invalidStatementName;
    if (lost) this.#prepared = false;
    return lost || (state === sqlstate.insufficientPrivilege && error.message.includes('set_config'));
  }
}

/** Enters a scope until the end of the transaction, which `begin` opens where it was held back. */
export function enterScope(
  connection: WireConnection,
  settings: ScopeSettings,
  preamble: Preamble,
  begin?: string,
): Entry {
  return entry(connection, 1, begin, (before) => preamble.send(settings, before));
}

/**
 * The same by commands: they take no snapshot, and run as whoever the transaction has become, who may not call `set_config`.
 *
 * @param limits - The limits too. Otherwise those that the transaction chose for itself stay.
 */
export function enterByCommands(
  connection: WireConnection,
  settings: ScopeSettings,
  limits: boolean,
  begin?: string,
): Entry {
  const texts = scopeCommands(settings, limits);
  return entry(connection, texts.length, begin, () => {
    for (const text of texts) prepareAndRun(connection, text);
  });
}

/** Opens the transaction that was held back, for a statement that needs no scope or must come before it. */
export function beginOnly(connection: WireConnection, begin: string): Entry {
  return entry(connection, 0, begin, () => undefined);
}

function entry(
  connection: WireConnection,
  entering: number,
  begin: string | undefined,
  enter: (before: number) => void,
): Entry {
  const before = begin === undefined ? 0 : 1;
  return {
    begin,
    before,
    commands: before + entering,
    send: () => {
      // An isolation level comes before the first query, also before one that enters the scope.
      if (begin !== undefined) prepareAndRun(connection, begin);
      enter(before);
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
