import { setTimeout as sleep } from 'node:timers/promises';
import { sqlstate, sqlstateOf } from '../postgres/sqlstate.js';

/** Does the same for many things over a few connections. Begins nothing new once the signal is aborted; what is under way ends. */
export async function inParallel<T>(
  items: readonly T[],
  concurrency: number,
  fn: (item: T) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const todo = items.toReversed();
  let failed = false;
  const work = async () => {
    for (let next = todo.pop(); next !== undefined && !failed && !signal?.aborted; next = todo.pop())
      await fn(next).catch((error: unknown) => {
        failed = true;
        throw error;
      });
  };
  // All of them have ended before this does: nothing goes on behind its caller's back.
  for (const outcome of await Promise.allSettled(Array.from({ length: concurrency }, work)))
    if (outcome.status === 'rejected') throw outcome.reason;
}

const passing = new Set<string | undefined>([
  sqlstate.lockNotAvailable,
  sqlstate.deadlockDetected,
  sqlstate.outOfSharedMemory,
  sqlstate.serializationFailure,
]);

/** Whether the same may succeed a moment later. */
export const mayPass = (error: unknown) => passing.has(sqlstateOf(error));

/** Tries again what failed because of others: a lock, a deadlock, two that wrote the same. */
export async function retrying<T>(fn: () => Promise<T>, attempts = 8): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await fn();
    } catch (error) {
      if (attempt === attempts || !mayPass(error)) throw error;
      await sleep(Math.random() * 50 * 2 ** attempt);
    }
  }
}

/** Cuts a list into lists of at most `size`. Pure. */
export function inBatches<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, at) => items.slice(at * size, (at + 1) * size));
}
