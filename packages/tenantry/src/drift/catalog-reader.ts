import type pg from 'pg';
import { sqlstate, sqlstateOf } from '../postgres/sqlstate.js';

/** What one connection is used for before it is replaced: a backend keeps what it remembers of each table it described. */
const readsPerConnection = 8;

const attemptsMax = 3;

/** `pg_get_…` look at the newest state, not at the snapshot: what is dropped meanwhile is a failure of that moment. */
const droppedMeanwhile: readonly (string | undefined)[] = [
  sqlstate.internalError,
  sqlstate.undefinedObject,
  sqlstate.undefinedTable,
  sqlstate.invalidSchemaName,
];

/** Limits of what reads. */
export interface ReadLimits {
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
}

/** Lets code look at the catalogs: read only, from one moment, each name written out, by indexes only. */
export class CatalogReader {
  readonly #owner: Pick<pg.Pool, 'connect'>;
  readonly #limits: ReadLimits;
  #reads = 0;

  constructor(owner: Pick<pg.Pool, 'connect'>, limits: ReadLimits) {
    this.#owner = owner;
    this.#limits = limits;
  }

  async read<T>(fn: (client: pg.ClientBase) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#inTransaction('begin isolation level repeatable read read only', 'commit', fn);
      } catch (error) {
        if (attempt === attemptsMax || !droppedMeanwhile.includes(sqlstateOf(error))) throw error;
      }
    }
  }

  /** Lets code make things, of which nothing is left afterwards. */
  scratch<T>(fn: (client: pg.ClientBase) => Promise<T>): Promise<T> {
    return this.#inTransaction('begin isolation level read committed', 'rollback', fn);
  }

  async #inTransaction<T>(begin: string, end: string, fn: (client: pg.ClientBase) => Promise<T>): Promise<T> {
    const client = await this.#owner.connect();
    let spent = ++this.#reads % readsPerConnection === 0;
    try {
      await client.query(begin);
      await client.query(settings(this.#limits));
      const result = await fn(client);
      await client.query(end);
      return result;
    } catch (error) {
      spent = true;
      throw error;
    } finally {
      client.release(spent);
    }
  }
}

/**
 * Nested loops over indexes, whatever the statistics say: a chunk of a small fleet looks like most of it, and reading whole
 * catalogs once per chunk would make the time grow with the square of the fleet.
 */
function settings({ statementTimeoutMs, lockTimeoutMs }: ReadLimits): string {
  const off = ['enable_seqscan', 'enable_hashjoin', 'enable_mergejoin', 'enable_bitmapscan', 'jit'];
  return [
    `set local statement_timeout to ${statementTimeoutMs}`,
    `set local lock_timeout to ${lockTimeoutMs}`,
    "set local search_path to ''",
    "set local work_mem to '64MB'",
    ...off.map((setting) => `set local ${setting} to off`),
  ].join('; ');
}
