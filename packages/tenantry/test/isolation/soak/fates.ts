import type { Change, Fate, OpenTransaction } from './change.js';
import type { Operation } from './history.js';
import { closeTransaction, openTransaction, undoAfter } from './open-transaction.js';

/** Where a read stood. */
export interface Standing {
  /** The transaction it was part of; `undefined`: one of its own. */
  readonly transaction: OpenTransaction | undefined;
  /** What its own transaction had changed until then. */
  readonly own: readonly Change[];
  /** Whether the limits of statements had been changed by the transaction itself. */
  readonly limitsChanged: boolean;
}

/** What the answers say about every change and every read. */
export interface Fates {
  readonly changes: readonly Change[];
  readonly standing: ReadonlyMap<Operation, Standing>;
}

/**
 * Works out from the answers alone what must have become of every change: the session as the code that used it saw it,
 * one line after the other. Pure; it knows nothing of the gate.
 */
export function fatesOf(operations: readonly Operation[]): Fates {
  const fates = { changes: [] as Change[], standing: new Map<Operation, Standing>() };
  for (const line of Map.groupBy(operations, (operation) => operation.line).values()) new LineModel(fates).follow(line);
  return fates;
}

const notSent = new Set(['TENANCY_STATEMENT_REFUSED', 'TENANCY_SCOPE_MISMATCH']);

/** One checkout. */
class LineModel {
  readonly #fates: { changes: Change[]; standing: Map<Operation, Standing> };
  #open: OpenTransaction | undefined;
  #lost = false;
  /** The first operation whose answer was lost with the connection. */
  #loss: Operation | undefined;
  #commitAsked = false;

  constructor(fates: { changes: Change[]; standing: Map<Operation, Standing> }) {
    this.#fates = fates;
  }

  follow(operations: readonly Operation[]): void {
    for (const operation of operations) {
      // Others that were under way were answered before the connection was gone.
      if (this.#loss && operation.begun > (this.#loss.answered ?? Infinity)) this.#lose();
      this.#fates.standing.set(operation, this.#standing());
      this.#take(operation);
      if (operation.outcome !== 'lost') continue;
      this.#loss ??= operation;
      this.#commitAsked ||= operation.kind === 'commit';
    }
    this.#lose();
    if (this.#open) closeTransaction(this.#open, this.#open.doubtful ? 'unknown' : 'gone', undefined);
  }

  /** Whoever is gone commits nothing more; what was asked to commit may have done so. */
  #lose(): void {
    if (!this.#loss) return;
    const known = !this.#commitAsked && !this.#open?.doubtful;
    if (this.#open) closeTransaction(this.#open, known ? 'gone' : 'unknown', this.#loss);
    this.#open = undefined;
    this.#loss = undefined;
    this.#lost = true;
  }

  #standing(): Standing {
    const open = this.#open;
    return {
      transaction: open,
      own: open?.pending.filter((change) => !open.unsure.has(change)) ?? [],
      limitsChanged: open?.limitsChanged ?? false,
    };
  }

  #take(operation: Operation): void {
    const { kind } = operation;
    if (kind === 'begin') this.#begin(operation);
    else if (kind === 'write' || kind === 'delete') this.#change(operation);
    else if (kind === 'commit' || kind === 'rollback') this.#end(operation);
    else if (kind === 'savepoint' || kind === 'release' || kind === 'rollback to') this.#savepoint(operation);
    else if (kind === 'let go') this.#letGo(operation);
    else if (kind === 'limits' && this.#open && operation.outcome !== 'refused') this.#open.limitsChanged = true;
    // What nobody heard of may have failed too.
    if (this.#open && operation.outcome !== 'done' && !notSent.has(operation.code ?? ''))
      this.#open.mayHaveFailed = true;
  }

  #begin(operation: Operation): void {
    const { outcome, awaited = true, level } = operation;
    if (outcome === 'lost') return;
    if (this.#open) {
      // PostgreSQL warns of a begin in a transaction, and sets the level that it names.
      if (level !== undefined) this.#open.level = 'unknown';
      return;
    }
    // Whoever waited for it was told that there is no transaction; whoever did not goes on and does not know.
    if (outcome === 'refused' && awaited) return;
    this.#open = openTransaction(operation);
  }

  #change(operation: Operation): void {
    const { kind, tokens = [], answer, outcome, begun, answered = Infinity } = operation;
    const affected = kind === 'delete' && outcome === 'done' ? (answer?.tokens ?? []) : tokens;
    for (const token of affected) {
      const transaction = this.#open;
      const change: Change = { operation, token, transaction, fate: 'unknown', asked: begun, settled: answered };
      this.#fates.changes.push(change);
      if (outcome === 'refused') change.fate = 'gone';
      else if (operation.late || outcome === undefined) change.settled = Infinity;
      else if (this.#open && !this.#lost) {
        this.#open.pending.push(change);
        if (outcome === 'unheard') this.#open.unsure.add(change);
      } else if (outcome === 'done') change.fate = 'committed';
      else change.settled = Infinity;
    }
  }

  #end(operation: Operation): void {
    const open = this.#open;
    const { kind, outcome, code = '', answer, chain, begun } = operation;
    if (!open || outcome === 'lost') return;
    if (outcome === 'refused' && notSent.has(code)) return;
    if (outcome === 'unheard' || outcome === undefined || (outcome === 'refused' && kind === 'rollback')) {
      open.doubtful = true;
      return;
    }
    closeTransaction(open, outcome === 'refused' ? 'gone' : fateOfEnd(open, kind, answer?.tag), operation);
    // The gate does not let a transaction commit whose scope was refused: it lasts until it is rolled back.
    if (code === 'TENANCY_SCOPE_REFUSED') open.doubtful = true;
    else this.#open = undefined;
    if (chain && outcome === 'done') {
      const next = openTransaction({ ...open.began, begun });
      next.doubtful = open.doubtful;
      // PostgreSQL forgets the level of a transaction that failed.
      next.level = open.mayHaveFailed ? 'unknown' : open.level;
      this.#open = next;
    }
  }

  #savepoint(operation: Operation): void {
    const open = this.#open;
    const { kind, name = '', outcome } = operation;
    if (!open) return;
    const at = open.savepoints.findLastIndex((savepoint) => savepoint.name === name);
    // A data layer goes back to a savepoint that it could not release.
    if (kind !== 'savepoint' && outcome !== 'done' && at >= 0) {
      for (const change of open.pending.slice(open.savepoints[at]?.from ?? 0)) open.unsure.add(change);
    }
    if (outcome !== 'done') return;
    if (kind === 'savepoint') open.savepoints.push({ name, from: open.pending.length });
    else if (at < 0) open.doubtful = true;
    else if (kind === 'release') open.savepoints.splice(at);
    else undoAfter(open, at, operation);
  }

  #letGo(operation: Operation): void {
    if (this.#open) closeTransaction(this.#open, this.#open.doubtful ? 'unknown' : 'gone', operation);
    this.#open = undefined;
  }
}

function fateOfEnd(open: OpenTransaction, kind: string, tag: string | undefined): Fate {
  if (open.doubtful) return 'unknown';
  if (kind === 'rollback') return 'gone';
  if (tag !== undefined) return tag === 'COMMIT' ? 'committed' : 'gone';
  // A data layer that does not pass the tag on does not say when a failed transaction was ended by its commit.
  return open.mayHaveFailed ? 'unknown' : 'committed';
}
