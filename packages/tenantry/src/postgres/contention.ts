import { setTimeout as sleep } from 'node:timers/promises';
import { sqlstate, sqlstateOf } from './sqlstate.js';

const passing = new Set<string | undefined>([
  sqlstate.lockNotAvailable,
  sqlstate.deadlockDetected,
  sqlstate.outOfSharedMemory,
  sqlstate.serializationFailure,
]);

/** Whether something failed only because of what others did at that moment: the same may succeed a moment later. */
export function mayPass(error: unknown): boolean {
  // Another transaction changed the same row of PostgreSQL's own catalog; that has no SQLSTATE of its own.
  const clash = error instanceof Error && error.message.startsWith('tuple concurrently ');
  return clash || passing.has(sqlstateOf(error));
}

/** Milliseconds to wait before the next try: longer each time, at most about three seconds, and never the same for two who clashed. */
export function backOffMs(attempt: number): number {
  return Math.min(2000, 100 * 2 ** attempt) * (0.5 + Math.random());
}

/** How long something is tried. */
export interface Patience {
  /** Times in all. @default 8 */
  readonly attempts?: number;
  /** Milliseconds after which it is not tried again. @default no limit but the attempts */
  readonly patienceMs?: number;
  /** What is tried again. @default mayPass */
  when?(error: unknown): boolean;
  /** Milliseconds before the next try. @default backOffMs */
  delayMs?(attempt: number): number;
  /** Called before each wait. */
  onWait?(error: unknown): void;
}

/** Runs code again, after a while, when it failed because of others. */
export async function retrying<T>(
  fn: () => Promise<T>,
  {
    attempts = 8,
    patienceMs = Number.POSITIVE_INFINITY,
    when = mayPass,
    delayMs = backOffMs,
    onWait = () => undefined,
  }: Patience = {},
): Promise<T> {
  const begun = performance.now();
  for (let attempt = 1; ; attempt++) {
    try {
      return await fn();
    } catch (error) {
      if (attempt >= attempts || performance.now() - begun > patienceMs || !when(error)) throw error;
      onWait(error);
      await sleep(delayMs(attempt));
    }
  }
}
