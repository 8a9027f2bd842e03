import type pg from 'pg';
import type { ServiceName } from '../tenant/service-name.js';
import type { TenantId } from '../tenant/tenant-id.js';
import type { AdoptionRecord } from './adoption-store.js';

/** What an adoption tells while it works. */
export type AdoptionEvent =
  /** What it does now, of how many. */
  | { readonly type: 'phase'; readonly phase: AdoptionPhase; readonly total: number }
  | { readonly type: 'progress'; readonly phase: AdoptionPhase; readonly done: number; readonly total: number }
  /** One tenant could not be brought over; the others are. */
  | { readonly type: 'failure'; readonly tenant: string; readonly reason: string }
  /** What a person should know. */
  | { readonly type: 'note'; readonly words: string };

/** `provision` and `prepare` count tenants, `sort` tables, `copy` rows, `replay` changed rows, `verify` tenants. */
export type AdoptionPhase = 'provision' | 'sort' | 'copy' | 'replay' | 'prepare' | 'verify' | 'finish';

/** What the steps of an adoption share. */
export interface AdoptionContext extends Pick<AdoptionRecord, 'id' | 'config' | 'layout'> {
  readonly service: ServiceName;
  /** Of the owner role; made with `pipeline: true`. */
  readonly owner: pg.Pool;
  readonly concurrency: number;
  /** Milliseconds that a lock may be waited for, each time. */
  readonly lockTimeoutMs: number;
  readonly signal: AbortSignal | undefined;
  provision(tenant: TenantId): Promise<void>;
  emit(event: AdoptionEvent): void;
}
