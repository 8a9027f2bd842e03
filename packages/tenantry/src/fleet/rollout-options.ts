/** How a rollout was asked for; what resuming it goes by. */
export interface RolloutOptions {
  readonly canary?: number | undefined;
  readonly waves?: readonly string[] | undefined;
  /** How many tenants may fail: a number, or a share of the rollout such as `1%`. @default all, but none in a canary */
  readonly maxFailures?: string | undefined;
  /** Rules of the lint that the plan may break, each with its reason: `index-not-concurrent: nobody works at night`. @default none */
  readonly allow?: readonly string[] | undefined;
}
