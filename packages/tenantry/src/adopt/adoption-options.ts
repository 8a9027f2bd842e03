import type { AdoptionEvent } from './adoption-context.js';

/**
 * How a step of an adoption is taken.
 *
 * @example
 * const watched: AdoptionOptions = { concurrency: 8, signal, onEvent: log };
 */
export interface AdoptionOptions {
  /** Connections of the owner role that work at the same time. @default 4 */
  readonly concurrency?: number | undefined;
  /** Ends the step after what is in flight; the next run goes on there. */
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: AdoptionEvent) => void) | undefined;
}

/** The same, for the steps that keep writers waiting. */
export interface LockingOptions extends AdoptionOptions {
  /** Milliseconds that writers may have to wait; what takes longer lets them go on and tries again. @default 2000 */
  readonly lockMaxMs?: number | undefined;
}

/** Milliseconds that writers wait at most: callers of a web service still have their answer then. */
export const defaultLockMaxMs = 2000;
