import type { Change, Fate } from './fates.js';
import type { Operation } from './history.js';

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

/** What follows from a `begin`. */
export function openTransaction(began: Operation): OpenTransaction {
  return {
    began,
    level: began.level ?? 'read committed',
    pending: [],
    unsure: new Set(),
    savepoints: [],
    doubtful: began.outcome !== 'done',
    mayHaveFailed: false,
    limitsChanged: false,
  };
}

/** Settles everything that waited for the end of a transaction. */
export function closeTransaction(open: OpenTransaction, fate: Fate, by: Operation | undefined): void {
  for (const change of open.pending)
    settle(change, fate === 'committed' && open.unsure.has(change) ? 'unknown' : fate, by);
  open.pending.length = 0;
}

/** Takes back what was changed after a savepoint; the savepoint itself stays. */
export function undoAfter(open: OpenTransaction, at: number, by: Operation): void {
  const from = open.savepoints[at]?.from ?? 0;
  for (const change of open.pending.splice(from)) settle(change, 'gone', by);
  open.savepoints.splice(at + 1);
}

function settle(change: Change, fate: Fate, by: Operation | undefined): void {
  change.fate = fate;
  change.asked = by?.begun ?? Infinity;
  change.settled = by?.answered ?? Infinity;
}
