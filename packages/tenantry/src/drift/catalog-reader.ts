import type pg from 'pg';
import { retrying } from '../postgres/contention.js';
import type { Statement } from '../postgres/one-flight.js';
import { sqlstate, sqlstateOf } from '../postgres/sqlstate.js';
import { inOwnTransaction, type Lender, opening, type TransactionTerms } from '../postgres/transaction.js';

/** What one connection is used for before it is replaced: a backend keeps what it remembers of each table it described. */
const readsPerConnection = 8;

/**
 * What PostgreSQL says when an object is dropped during a read. `pg_get_…` functions look at the newest state and not
 * at the snapshot, so the read is tried again.
 */
const droppedMeanwhile = new Set<string | undefined>([
  sqlstate.internalError,
  sqlstate.undefinedObject,
  sqlstate.undefinedTable,
  sqlstate.invalidSchemaName,
]);

/** Limits of what reads. */
export interface ReadLimits {
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
}

/** Lets code look at the catalogs: read only, from one moment, each name written out, by indexes only. */
export class CatalogReader {
  readonly #owner: Lender;
  readonly #limits: ReadLimits;
  #reads = 0;

  constructor(owner: Lender, limits: ReadLimits) {
    this.#owner = owner;
    this.#limits = limits;
  }

  read<T>(fn: (client: pg.ClientBase) => Promise<T>): Promise<T> {
    return retrying(() => this.#inTransaction('repeatable read read only', 'commit', fn), {
      attempts: 3,
      when: (error) => droppedMeanwhile.has(sqlstateOf(error)),
      delayMs: () => 0,
    });
  }

  /** Runs code in a transaction that is rolled back, so that whatever it makes is gone afterwards. */
  scratch<T>(fn: (client: pg.ClientBase) => Promise<T>): Promise<T> {
    return this.#inTransaction('read committed', 'rollback', fn);
  }

  #inTransaction<T>(
    isolation: TransactionTerms['isolation'],
    end: 'commit' | 'rollback',
    fn: (client: pg.ClientBase) => Promise<T>,
  ): Promise<T> {
    const open = [...opening({ isolation, ...this.#limits }), settings];
    const spent = ++this.#reads % readsPerConnection === 0;
    return inOwnTransaction(this.#owner, open, fn, { end, spent });
  }
}

/**
 * Nested loops over indexes, whatever the statistics say: a chunk of a small fleet looks like most of it, and reading whole
 * catalogs once per chunk would make the time grow with the square of the fleet.
 */
const settings: Statement = {
  text: [
    "set local search_path to ''",
    "set local work_mem to '64MB'",
    ...['enable_seqscan', 'enable_hashjoin', 'enable_mergejoin', 'enable_bitmapscan', 'jit'].map(
      (setting) => `set local ${setting} to off`,
    ),
  ].join('; '),
};
