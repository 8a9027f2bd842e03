import pg from 'pg';

/** Somebody else with the same login, without the gate: an older service, a script, a psql. */
export interface Neighbour {
  readonly client: pg.Client;
  /** The backend that a pooler lends it. */
  backend(): Promise<number>;
  /** What is prepared by name on that backend. */
  prepared(): Promise<string[]>;
  /** Leaves something on the backend, runs code, and takes it away again. */
  leave(sql: string, fn: () => Promise<unknown>): Promise<void>;
  close(): Promise<void>;
}

/** Connects a neighbour. */
export async function openNeighbour(url: string): Promise<Neighbour> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  const column = async <T>(sql: string) => (await client.query<{ value: T }>(sql)).rows.map(({ value }) => value);
  return {
    client,
    backend: async () => (await column<number>('select pg_backend_pid() as value'))[0] ?? 0,
    prepared: () => column<string>('select name as value from pg_prepared_statements order by name'),
    async leave(sql, fn) {
      await client.query(sql);
      try {
        await fn();
      } finally {
        await client.query('discard all');
      }
    },
    close: () => client.end(),
  };
}
