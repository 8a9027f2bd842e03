import type { Operation } from './history.js';

/** How many operations there were, and how they ended. */
export interface Counts {
  readonly operations: number;
  readonly outcomes: Readonly<Record<string, number>>;
  /** By what they were, without what is different each time: `read by copy to`. */
  readonly kinds: Readonly<Record<string, { readonly done: number; readonly other: number }>>;
  /** Why what was not done was not. */
  readonly reasons: Readonly<Record<string, number>>;
}

export function noCounts(): Counts {
  return { operations: 0, outcomes: {}, kinds: {}, reasons: {} };
}

/** Adds a batch. Pure. */
export function countOperations(counts: Counts, operations: readonly Operation[]): Counts {
  const [outcomes, kinds, reasons] = [{ ...counts.outcomes }, { ...counts.kinds }, { ...counts.reasons }];
  for (const operation of operations) {
    const outcome = operation.outcome ?? 'unanswered';
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    const kind = nameOf(operation);
    const { done, other } = kinds[kind] ?? { done: 0, other: 0 };
    kinds[kind] = outcome === 'done' ? { done: done + 1, other } : { done, other: other + 1 };
    if (outcome === 'done') continue;
    const reason = `${outcome} ${operation.code}${operation.code === 'none' ? `: ${operation.error}` : ''}`;
    if (reason in reasons || Object.keys(reasons).length < 200) reasons[reason] = (reasons[reason] ?? 0) + 1;
  }
  return { operations: counts.operations + operations.length, outcomes, kinds, reasons };
}

function nameOf({ kind, what }: Operation): string {
  const by = / by [^']*$/.exec(what)?.[0] ?? '';
  if (kind === 'read' || kind === 'write' || kind === 'delete')
    return /\w+_soak/.test(what) ? `foreign ${kind}${by}` : `${kind}${by}`;
  return kind === 'other' ? `other${by}` : kind;
}
