import type { Change, Fate, OpenTransaction } from './change.js';
import type { Operation } from './history.js';

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
