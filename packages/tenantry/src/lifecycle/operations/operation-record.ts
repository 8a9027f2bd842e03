import type { JsonObject } from './operation-step.js';

/**
 * `running` and `reverting` while a process is at it; `interrupted` when that process is gone; `failed` when a step failed
 * that cannot be taken back: both go on with the same command. `done` and `reverted` are over.
 */
export type OperationStatus = 'running' | 'reverting' | 'interrupted' | 'failed' | 'done' | 'reverted';

/** One operation on one tenant, as the catalog keeps it. */
export interface OperationRecord {
  readonly id: number;
  readonly kind: string;
  readonly tenant: string;
  readonly params: JsonObject;
  readonly status: OperationStatus;
  /** The step under way, or the one that failed. */
  readonly step: string | null;
  /** The steps that are complete, in order. */
  readonly done: readonly string[];
  /** What the steps kept. */
  readonly facts: JsonObject;
  /** Why a step failed. */
  readonly error: string | null;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
}

/** What an operation tells while it runs. */
export type OperationEvent =
  | { readonly type: 'started'; readonly id: number; readonly kind: string; readonly steps: readonly string[] }
  /** An unfinished operation of that kind goes on. */
  | { readonly type: 'resumed'; readonly id: number; readonly kind: string; readonly done: readonly string[] }
  | { readonly type: 'step'; readonly step: string }
  | { readonly type: 'progress'; readonly step: string; readonly done: number; readonly total: number }
  /** Its work is done and not recorded yet. */
  | { readonly type: 'applied'; readonly step: string }
  | { readonly type: 'completed'; readonly step: string }
  /** Something held a lock that it needs. */
  | { readonly type: 'waiting'; readonly step: string; readonly reason: string }
  | { readonly type: 'failed'; readonly step: string; readonly reason: string }
  | { readonly type: 'reverted'; readonly step: string }
  | { readonly type: 'finished'; readonly status: OperationStatus };
