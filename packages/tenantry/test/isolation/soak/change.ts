import type { Operation } from './history.js';

/** What became of a change: it stands, it must not be there, or nobody can know. */
export type Fate = 'committed' | 'gone' | 'unknown';

/** One row written or deleted by one operation. */
export interface Change {
  readonly operation: Operation;
  readonly token: string;
  /** The transaction it was part of; `undefined`: one of its own. */
  readonly transaction: OpenTransaction | undefined;
  fate: Fate;
  /** When its commit was asked for. */
  asked: number;
  /** When PostgreSQL's word for its fate arrived; `Infinity` where none did. */
  settled: number;
}

/** A transaction, as the code that began it knows it. */
export interface OpenTransaction {
  /** What began it; its tenant is the transaction's. */
  readonly began: Operation;
  /** Isolation level; `unknown` where that is PostgreSQL's to decide. */
  level: string;
  /** Changes that wait for its end. */
  readonly pending: Change[];
  /** Those of them that nobody heard the answer of. */
  readonly unsure: Set<Change>;
  readonly savepoints: { readonly name: string; readonly from: number }[];
  /** Whether it is known to have begun, and not to have ended. */
  doubtful: boolean;
  /** Whether a statement was refused in it, so that its commit may have been a rollback. */
  mayHaveFailed: boolean;
  limitsChanged: boolean;
}
