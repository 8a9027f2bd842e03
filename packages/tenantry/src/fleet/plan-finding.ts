import type { LintFinding } from '../migrations/lint/lint-finding.js';

/** What speaks against a plan, because of what live tables hold. One of the level `error` refuses the rollout. */
export interface PlanFinding extends LintFinding {
  readonly migration: string;
  /** The tenant whose table is the largest. */
  readonly tenant: string;
}
