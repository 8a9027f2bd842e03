import { AsyncLocalStorage } from 'node:async_hooks';
import { type EntityManager, TransactionContext } from '@mikro-orm/core';

/** Transactions that are open around this code and that MikroORM has lost sight of, by the name of their ORM. */
const hidden = new AsyncLocalStorage<ReadonlyMap<string, EntityManager> | undefined>();

/**
 * MikroORM remembers one open transaction for each async execution. When a second ORM begins one inside it, the first
 * ORM's code would no longer find its own; this keeps it.
 */
export function rememberingOuter<T>(em: EntityManager, fn: () => T): T {
  const outer = TransactionContext.currentTransactionContext()?.em;
  if (!outer || outer.name === em.name) return fn();
  return hidden.run(new Map(hidden.getStore()).set(outer.name, outer), fn);
}

/** The EntityManager of the open transaction that {@link rememberingOuter} keeps for this ORM. */
export function outerTransactionOf(em: EntityManager): EntityManager | undefined {
  const known = hidden.getStore();
  return known && TransactionContext.currentTransactionContext()?.em.name !== em.name ? known.get(em.name) : undefined;
}

/** Runs code as if no such transaction were open around it. */
export function forgettingOuter<T>(fn: () => T): T {
  return hidden.getStore() ? hidden.run(undefined, fn) : fn();
}
