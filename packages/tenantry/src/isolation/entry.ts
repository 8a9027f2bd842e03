import type { WireConnection } from './pg-internals.js';
import { preambleText, reentryTexts } from './scope-settings.js';
import type { Entry } from './scoped-query.js';

/** The statement that enters a scope, on one connection: prepared once under a name, or each time where a pooler forbids names. */
export class Preamble {
  readonly #name: string;
  #prepared = false;
  #preparing = false;

  constructor(connection: WireConnection, { transactionPooler }: { readonly transactionPooler: boolean }) {
    this.#name = transactionPooler ? '' : 'tenantry_scope';
    if (transactionPooler) return;
    // Its Parse is the first of its flight, so the first answer is its own.
    connection.on('parseComplete', () => {
      this.#prepared ||= this.#preparing;
      this.#preparing = false;
    });
    connection.on('errorMessage', () => (this.#preparing = false));
  }

  send(connection: WireConnection, settings: readonly string[]): void {
    this.#preparing = !this.#prepared;
    if (this.#preparing) connection.parse({ text: preambleText, name: this.#name });
    run(connection, this.#name, settings);
  }
}

/** Enters a scope until the end of the transaction. */
export function enterScope(settings: readonly string[], preamble: Preamble): Entry {
  return { commands: 1, enters: true, send: (connection) => preamble.send(connection, settings) };
}

/** Puts a `begin` that was held back between what enters the scope, if anything does, and the transaction's first statement. */
export function beginAfter(entry?: Entry): Entry {
  return {
    commands: (entry?.commands ?? 0) + 1,
    enters: entry?.enters ?? false,
    send: (connection) => {
      entry?.send(connection);
      prepareAndRun(connection, 'begin');
    },
  };
}

/** Enters a transaction's own scope again, after a statement that may have left it. */
export function reenterScope(settings: readonly string[]): Entry {
  const texts = reentryTexts(settings);
  return {
    commands: texts.length,
    enters: true,
    send: (connection) => {
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
