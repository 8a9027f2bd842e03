import type pg from 'pg';
import { TenancyError } from '../../errors/tenancy-error.js';
import type { HeldLock } from '../../postgres/held-lock.js';
import { translateError } from '../../postgres/translate-error.js';
import type { TenantId } from '../../tenant/tenant-id.js';
import type { OperationEvent } from './operation-record.js';
import type { JsonObject, OperationDefinition, OperationStep, StepContext } from './operation-step.js';
import { OperationMoved, type OpenOperation, recordFailure, recordStep, type StepRecord } from './operation-store.js';
import { inOperationTransaction, type OperationLimits } from './operation-transaction.js';

/** Who watches, and who may stop it. */
export interface RunWatch {
  readonly signal?: AbortSignal | undefined;
  onEvent(event: OperationEvent): void;
}

/** What one run is made of. */
export interface OperationRunGround<P extends JsonObject> {
  readonly owner: pg.Pool;
  readonly limits: OperationLimits;
  readonly definition: OperationDefinition<P>;
  /** The tenant's, held until the run is over. */
  readonly lock: HeldLock;
  readonly operation: OpenOperation;
  readonly watch: RunWatch;
}

type Work = 'apply' | 'revert';

/** Takes one operation through its steps, or back, while its runner holds the tenant's lock. */
export class OperationRun<P extends JsonObject> {
  readonly #owner: pg.Pool;
  readonly #limits: OperationLimits;
  readonly #definition: OperationDefinition<P>;
  readonly #lock: HeldLock;
  readonly #watch: RunWatch;
  #operation: OpenOperation;

  constructor({ owner, limits, definition, lock, operation, watch }: OperationRunGround<P>) {
    this.#owner = owner;
    this.#limits = limits;
    this.#definition = definition;
    this.#lock = lock;
    this.#operation = operation;
    this.#watch = watch;
  }

  /**
   * Applies the steps that are not complete.
   *
   * @throws TenancyError `TENANCY_OPERATION_FAILED`; all steps are taken back by then, or the operation waits.
   */
  async forward(): Promise<void> {
    const todo = this.#definition.steps.filter(({ name }) => !this.#operation.done.includes(name));
    for (const step of todo) {
      if (this.#watch.signal?.aborted) return;
      try {
        this.#watch.onEvent({ type: 'step', step: step.name });
        await this.#do(step, 'apply', { at: 'completed', last: step === todo.at(-1) });
        this.#watch.onEvent({ type: 'completed', step: step.name });
      } catch (error) {
        await this.#fail(step, error);
      }
    }
  }

  /**
   * Takes back the complete steps, the newest first. Before them comes the step that failed, if it was not one
   * transaction and may be done in part.
   */
  async revert(): Promise<void> {
    const { done } = this.#operation;
    const begun = this.#definition.steps.find(({ name }) => !done.includes(name));
    const todo = this.#definition.steps.filter((step) => done.includes(step.name) || (step === begun && step.outside));
    for (const step of todo.toReversed()) {
      await this.#do(step, 'revert', { at: 'reverted', last: step === todo[0] });
      this.#watch.onEvent({ type: 'reverted', step: step.name });
    }
    if (todo.length === 0) await this.#recordNothing();
  }

  /**
   * The work of one step and the record of it: together where it is one transaction, one after the other where not. Beside
   * the lock's, one connection is held at a time, and none between the transactions of a long step.
   */
  async #do(step: OperationStep<P>, work: Work, end: { at: 'completed' | 'reverted'; last: boolean }): Promise<void> {
    this.#requireLock();
    const kept: Record<string, JsonObject[string]> = {};
    const record = (): StepRecord =>
      end.at === 'completed'
        ? { at: 'completed', step: step.name, facts: kept, last: end.last }
        : { at: 'reverted', step: step.name, last: end.last };
    const inTransaction: StepContext['inTransaction'] = (fn) => this.#inTransaction(step.name, fn);
    if (step.outside) {
      if (work === 'apply')
        this.#operation = await recordStep(this.#owner, this.#operation, { at: 'begun', step: step.name });
      await this.#work(step, work, this.#contextOf(step, this.#owner, kept, inTransaction));
      this.#operation = await inTransaction((client) => recordStep(client, this.#operation, record()));
      return;
    }
    this.#operation = await inTransaction(async (client) => {
      await this.#work(
        step,
        work,
        this.#contextOf(step, client, kept, (fn) => fn(client)),
      );
      const next = await recordStep(client, this.#operation, record());
      if (work === 'apply') this.#watch.onEvent({ type: 'applied', step: step.name });
      return next;
    });
  }

  #inTransaction<T>(step: string, fn: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const onWait = (reason: string) => this.#watch.onEvent({ type: 'waiting', step, reason });
    return inOperationTransaction(this.#owner, this.#limits, fn, onWait);
  }

  async #work(step: OperationStep<P>, work: Work, context: StepContext<P>): Promise<void> {
    if (work === 'revert') return step.revert?.(context);
    await step.apply(context);
    const wrong = await step.verify?.(context);
    if (wrong !== undefined) throw new Error(`the step did not do what it should: ${wrong}`);
    if (step.outside) this.#watch.onEvent({ type: 'applied', step: step.name });
  }

  #contextOf(
    { name: step }: OperationStep<P>,
    client: StepContext['client'],
    kept: Record<string, JsonObject[string]>,
    inTransaction: StepContext['inTransaction'],
  ): StepContext<P> {
    const { id, tenant, params, facts } = this.#operation;
    return {
      tenant: tenant as TenantId,
      params: params as P,
      operation: id,
      client,
      facts,
      inTransaction,
      keep: (found) => void Object.assign(kept, found),
      progress: (done, total) => this.#watch.onEvent({ type: 'progress', step, done, total }),
    };
  }

  /**
   * When the database is away, nothing can be taken back, and nobody knows whether the step committed. The same command
   * finds out later.
   */
  async #fail(step: OperationStep<P>, error: unknown): Promise<never> {
    const known = translateError(error);
    if (error instanceof OperationMoved || known?.code === 'TENANCY_DATABASE_UNAVAILABLE') throw known ?? error;
    const reason = known?.operatorMessage ?? (error instanceof Error ? error.message : String(error));
    this.#watch.onEvent({ type: 'failed', step: step.name, reason });
    const { done, id, kind, tenant } = this.#operation;
    const touched = this.#definition.steps.filter(
      ({ name }) => done.includes(name) || (name === step.name && step.outside),
    );
    const status = touched.every(({ revert }) => revert !== undefined) ? 'reverting' : 'failed';
    this.#requireLock();
    this.#operation = await recordFailure(this.#owner, this.#operation, { step: step.name, reason, status });
    const fields = { kind, tenant, step: step.name, reason, operation: id };
    if (status === 'failed') {
      const outcome = 'What is done stays; the same command goes on there.';
      throw new TenancyError('TENANCY_OPERATION_FAILED', { ...fields, outcome }, { cause: error });
    }
    try {
      await this.revert();
    } catch (revertError) {
      const because = revertError instanceof Error ? revertError.message : String(revertError);
      const outcome = `It could not be taken back (${because}); the same command tries that again.`;
      throw new TenancyError('TENANCY_OPERATION_FAILED', { ...fields, outcome }, { cause: error });
    }
    throw new TenancyError(
      'TENANCY_OPERATION_FAILED',
      { ...fields, outcome: 'Everything was taken back.' },
      { cause: error },
    );
  }

  async #recordNothing(): Promise<void> {
    const [step] = this.#definition.steps;
    await recordStep(this.#owner, this.#operation, { at: 'reverted', step: step?.name ?? '', last: true });
  }

  #requireLock(): void {
    if (!this.#lock.held) throw new OperationMoved(this.#operation.id);
  }
}
