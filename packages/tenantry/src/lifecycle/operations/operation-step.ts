import type pg from 'pg';
import type { Querier } from '../../postgres/querier.js';
import type { TenantId } from '../../tenant/tenant-id.js';

/** What fits into a JSON document. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** What an operation is asked to do, or found out. */
export type JsonObject = Readonly<Record<string, Json>>;

/** What a step works with. */
export interface StepContext<P extends JsonObject = JsonObject> {
  readonly tenant: TenantId;
  readonly params: P;
  /** The number of the operation. */
  readonly operation: number;
  /**
   * The owner role. For a step that is one transaction: inside that transaction, in which its completion is recorded too.
   * For one that is not: each statement by itself.
   */
  readonly client: Querier;
  /** What earlier steps kept. */
  readonly facts: JsonObject;
  /** Keeps something for later steps and for the record; written when the step is complete. */
  keep(facts: JsonObject): void;
  /**
   * For a step that is not one transaction: runs a part of it in a transaction of its own, with the limits of every
   * operation, and again when a lock was in its way.
   */
  inTransaction<T>(fn: (client: pg.PoolClient) => Promise<T>): Promise<T>;
  /** Tells whoever watches how far a long step is. */
  progress(done: number, total: number): void;
}

/**
 * One small part of an operation. It may be applied again after it was applied: the process may die between its work and
 * the record of it.
 */
export interface OperationStep<P extends JsonObject = JsonObject> {
  /** Unique in its operation; kept in the catalog, so it stays what it is. */
  readonly name: string;
  /** `true` for work that is not one transaction; such a step is applied again from its beginning after a crash. @default false */
  readonly outside?: boolean;
  apply(context: StepContext<P>): Promise<void>;
  /** Looks whether the step did what it should: what is wrong, as the end of a sentence, or `undefined`. */
  verify?(context: StepContext<P>): Promise<string | undefined>;
  /**
   * Takes the step back, also when only a part of it or nothing was done. When a step fails, those before it are taken back
   * if all of them can be; otherwise the operation waits for the same command again.
   */
  revert?(context: StepContext<P>): Promise<void>;
}

/** A kind of operation. */
export interface OperationDefinition<P extends JsonObject = JsonObject> {
  /** Lower-case words joined by `-`, such as `archive`; kept in the catalog. */
  readonly kind: string;
  /** Other tenants that it changes as well: nobody else may work on them meanwhile. @default none */
  others?(params: P): readonly string[];
  /**
   * Refuses what cannot be done, before anything is recorded or changed; not called when an unfinished operation goes on.
   *
   * @param client - Of the owner role, in the transaction that records the operation.
   * @throws TenancyError
   */
  check?(client: pg.PoolClient, tenant: TenantId, params: P): Promise<void>;
  readonly steps: readonly OperationStep<P>[];
}
