import { quoteLiteral } from './quote.js';

/**
 * SQL for the 64-bit key of an advisory lock. Only the owner role may compute it: every role may take a lock whose key it
 * knows, and hold up a rollout with it.
 *
 * @param name - The lock's name.
 */
export function lockKey(name: string): string {
  return `tenantry.lock_key(${quoteLiteral(name).trim()})`;
}
