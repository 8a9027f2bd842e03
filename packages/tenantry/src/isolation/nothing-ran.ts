/** What was asked and not done. */
export interface Unsent {
  /** The `begin` of the transaction that would have begun with the statement. */
  readonly begin: string | undefined;
  /** PostgreSQL denied the role. Another connection may know better, unless the role is in truth not granted. */
  readonly denied: boolean;
}

const marked = new WeakMap<Error, Unsent>();

/** Marks an error of a statement that PostgreSQL has certainly not run: it may be sent again, on another connection. */
export function markNothingRan(error: Error, unsent: Unsent): void {
  marked.set(error, unsent);
}

/** What to send again, where an error is that of a statement that PostgreSQL has certainly not run. */
export function nothingRan(error: unknown): Unsent | undefined {
  return error instanceof Error ? marked.get(error) : undefined;
}
