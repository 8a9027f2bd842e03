import pg from 'pg';
import { type ClientInternals, type WireQuery, WireQueryBase } from '../../../src/isolation/pg-internals.js';

/** A client of stock `pg`, with the parts that its types leave out. */
export type OpenClient = pg.Client &
  ClientInternals & { readonly _txStatus: string | null } & { connection: { stream: { writableCorked: number } } };

/** One statement of stock `pg`, and what becomes of it. */
export interface Sent {
  readonly query: WireQuery;
  readonly done: Promise<pg.QueryResult>;
}

/** Makes a statement the way the gate does. */
export function statement(config: Record<string, unknown> | string, values?: readonly unknown[]): Sent {
  const { promise: done, resolve, reject } = Promise.withResolvers<pg.QueryResult>();
  const given = typeof config === 'string' ? { text: config } : config;
  const callback = (error: Error | null, result: pg.QueryResult) => (error ? reject(error) : resolve(result));
  return { query: new WireQueryBase({ ...given, queryMode: 'extended' }, values, callback), done };
}

/** Hands a statement over to a client; it is sent at once when nothing is under way. */
export function submit(client: pg.Client, { query, done }: Sent): Promise<pg.QueryResult> {
  client.query(query as unknown as pg.Submittable);
  return done;
}

/** Sends another statement in front of this one and swallows its answer, as the gate does with what enters a scope. */
export function goFirst({ query }: Sent, text: string): void {
  const { prepare, handleDataRow, handleCommandComplete } = query;
  let answered = false;
  query.prepare = (connection) => {
    connection.parse({ text, name: '' });
    connection.bind({ portal: '', statement: '', values: [] });
    connection.execute({ portal: '', rows: 0 });
    prepare.call(query, connection);
  };
  query.handleDataRow = (message) => {
    if (answered) handleDataRow.call(query, message);
  };
  query.handleCommandComplete = (message, connection) => {
    if (answered) handleCommandComplete.call(query, message, connection);
    answered = true;
  };
}

/** Writes down each call of these methods of an object, as it is made; `tell` adds what matters of its arguments. */
export function record(
  calls: string[],
  object: object,
  names: readonly string[],
  tell: (name: string, args: unknown[]) => string = (name) => name,
): void {
  const target = object as Record<string, (...args: unknown[]) => unknown>;
  for (const name of names) {
    const inherited = target[name];
    if (!inherited) continue;
    target[name] = (...args) => {
      calls.push(tell(name, args));
      return inherited.apply(target, args);
    };
  }
}
