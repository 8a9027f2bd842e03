import type pg from 'pg';

/** One statement and its values. */
export interface Statement {
  readonly text: string;
  readonly values?: readonly unknown[] | undefined;
  /** Prepares it under this name, once per connection: for a statement whose planning takes longer than its run. */
  readonly name?: string | undefined;
}

/**
 * Sends statements back to back and waits once: one round trip, but one statement per message, which keeps the way to
 * Citus open (it refuses several DDL statements in one). The client must have been made with `pipeline: true`.
 *
 * @returns The rows of each statement.
 * @throws The error of the first statement that failed; the later ones failed because of it.
 */
export async function inOneFlight(client: pg.ClientBase, statements: readonly Statement[]): Promise<pg.QueryResult[]> {
  const sent = statements.map(({ text, values, name }) =>
    client.query({ text, ...(values && { values: [...values] }), ...(name && { name }) }),
  );
  const settled = await Promise.allSettled(sent);
  return settled.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}
