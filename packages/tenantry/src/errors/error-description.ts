/** How one failure is reported: to the caller without any internals, and to the operator with the option to change. */
export interface ErrorDescription {
  /** HTTP status when the failure reaches a caller. */
  readonly status: number;
  /** Short, constant, for the caller. */
  readonly title: string;
  /** One sentence for the caller. `{field}` is replaced by that field of the error; only `expected` and `rule` appear here, which are our own words. */
  readonly detail: string;
  /** For the operator: what happened, and what to change. `{field}` is replaced as well. */
  readonly operator: string;
  /** Seconds for `Retry-After`, where trying again can help. */
  readonly retryAfter?: number;
}
