import { TransactionContext } from '@mikro-orm/core';
import { forgettingOuter } from './outer-transactions.js';

/** MikroORM keeps the EntityManager of an open transaction here; its types call the field private. */
const { storage } = TransactionContext as unknown as { storage: { run<T>(store: undefined, fn: () => T): T } };

/**
 * Runs code as if no transaction of MikroORM were open around it. A scope entered inside another scope's transaction would
 * otherwise be handed that transaction's EntityManager.
 */
export function outsideTransaction<T>(fn: () => T): T {
  return forgettingOuter(() => storage.run(undefined, fn));
}
