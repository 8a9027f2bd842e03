import type { Ground } from './ground.js';

/** How one attempt ended. */
export type Outcome = 'refused' | 'crossed' | 'not-applicable';

/** One attempt, as it is reported. */
export interface ProbeResult {
  readonly name: string;
  readonly outcome: Outcome;
  /** What refused it, what it reached, or why it could not be tried. */
  readonly detail: string;
}

/**
 * One way to leave a scope. It resolves to what it reached, as a text, or to `undefined` when it ran and stayed inside; a
 * rejection is a refusal. It leaves nothing behind: what it writes is rolled back.
 */
export interface Attempt {
  readonly name: string;
  readonly tryIt: (ground: Ground) => Promise<string | undefined>;
}

/** What every attempt that was not refused has reached. */
export async function reached(what: string, running: Promise<unknown>): Promise<string> {
  await running;
  return what;
}
