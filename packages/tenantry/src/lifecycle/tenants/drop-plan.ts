import { lockBudget } from '../../postgres/lock-budget.js';

/** Something in a schema that is dropped by itself. */
export interface Droppable {
  /** The word after `drop`: `table`, `view`, `sequence`… */
  readonly word: string;
  /** Quoted, with its schema. */
  readonly name: string;
  /** Locks that dropping it takes, rather too many. */
  readonly locks: number;
}

/** Cuts what is to be dropped into transactions that stay within the lock budget, in the order given. Pure. */
export function dropBatches(items: readonly Droppable[], budget = lockBudget): Droppable[][] {
  const batches: Droppable[][] = [];
  let free = 0;
  for (const item of items) {
    const batch = batches.at(-1);
    if (batch && item.locks <= free) batch.push(item);
    else {
      batches.push([item]);
      free = budget;
    }
    free -= item.locks;
  }
  return batches;
}

/** The statement that drops it; again, when it is gone already, it does nothing. Pure. */
export function dropStatement({ word, name }: Droppable): string {
  return `drop ${word} if exists ${name} cascade`;
}
