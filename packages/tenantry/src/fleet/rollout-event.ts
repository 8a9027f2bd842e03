import type { BlockedBackend, OpenTransaction } from './open-transaction.js';
import type { RolloutPlan } from './rollout-plan.js';
import type { RolloutFailure } from './rollout-failure.js';

/** How a rollout ended. */
export interface RolloutOutcome {
  /** `null` when there was nothing to do. */
  readonly id: number | null;
  /** `done`: all at the target. `failed`: all but some. `halted`: too many failed. `stopped`: by its operator, or no database. */
  readonly status: 'done' | 'failed' | 'halted' | 'stopped';
  readonly total: number;
  readonly done: number;
  readonly failed: number;
  /** At most 1000. */
  readonly failures: readonly RolloutFailure[];
  readonly reason: string | null;
  readonly tookMs: number;
}

/** What a rollout tells while it runs. */
export type RolloutEvent =
  | { readonly type: 'planned'; readonly plan: RolloutPlan }
  /** Another process leads a rollout of this service; this one begins when that one ends. */
  | { readonly type: 'waiting' }
  | { readonly type: 'started'; readonly id: number }
  | { readonly type: 'wave'; readonly name: string; readonly tenants: number }
  | { readonly type: 'progress'; readonly done: number; readonly failed: number; readonly total: number }
  | ({ readonly type: 'failure' } & RolloutFailure)
  /** Said before the first tenant: what runs outside a transaction, such as an index, will wait for these. */
  | { readonly type: 'old-transactions'; readonly transactions: readonly OpenTransaction[] }
  /** A tenant has waited for a lock for a second or more; said again about every ten seconds. */
  | ({ readonly type: 'blocked'; readonly tenant: string } & BlockedBackend)
  /** PostgreSQL is away; what was in flight is looked at again when it is back. */
  | { readonly type: 'away'; readonly reason: string }
  | { readonly type: 'finished'; readonly outcome: RolloutOutcome };
