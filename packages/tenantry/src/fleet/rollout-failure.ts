/** One tenant that a rollout could not take to its target. */
export interface RolloutFailure {
  readonly tenant: string;
  readonly code: string;
  /** For the operator. */
  readonly reason: string;
  /** What PostgreSQL said besides: the key that is there twice, what depends on an object. It may hold values of rows. */
  readonly detail: string | null;
  /** The beginning of the statement that failed; `null` where it was none. */
  readonly statement: string | null;
}
