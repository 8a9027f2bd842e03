import { isDeepStrictEqual } from 'node:util';
import type pg from 'pg';
import { TenancyError } from '../../errors/tenancy-error.js';
import { tryHold } from '../../postgres/held-lock.js';
import { lockNames } from '../../postgres/lock-names.js';
import { one } from '../../postgres/one.js';
import { translateError } from '../../postgres/translate-error.js';
import { parseTenantId } from '../../tenant/tenant-id.js';
import type { OperationEvent, OperationRecord } from './operation-record.js';
import { OperationRun } from './operation-run.js';
import type { JsonObject, OperationDefinition } from './operation-step.js';
import { findOpenOperation, listOperations, openOperation, type OpenOperation } from './operation-store.js';
import { inOperationTransaction, type OperationLimits } from './operation-transaction.js';
import { Turns } from './turns.js';

/** Which operation on which tenant. */
export interface OperationRequest<P extends JsonObject = JsonObject> {
  readonly tenant: string;
  readonly params: P;
  /** Ends it after the step in hand; the same command goes on. */
  readonly signal?: AbortSignal | undefined;
  /** Called for each thing that happens, before anything else does. */
  readonly onEvent?: ((event: OperationEvent) => void) | undefined;
}

/**
 * Runs operations: small steps, each recorded in the catalog when it is complete, so that after a crash the same command
 * goes on where it ended, and what fails is taken back. One process at a time works on a tenant.
 */
export class Operations {
  readonly #owner: pg.Pool;
  readonly #limits: OperationLimits;
  readonly #turns: Turns;

  /** @param owner - Of the owner role; two connections are needed, one of which holds the tenant's lock. */
  constructor(owner: pg.Pool, limits: OperationLimits) {
    this.#owner = owner;
    this.#limits = limits;
    // Each operation holds one connection for its lock and needs another for its work. If all connections held locks,
    // none could go on.
    this.#turns = new Turns(Math.max(1, (owner.options.max ?? 10) - 1));
  }

  /**
   * Runs an operation to its end, or goes on with the unfinished one of the same kind and the same parameters.
   *
   * @returns How it ended; `interrupted` after the signal.
   * @throws TenancyError `TENANCY_TENANT_BUSY` while somebody else works on the tenant; `TENANCY_OPERATION_OPEN` when another
   * operation of it is unfinished; `TENANCY_OPERATION_FAILED`; what its `check` refuses with; `TENANCY_DATABASE_UNAVAILABLE`,
   * after which the same command goes on.
   */
  run<P extends JsonObject>(
    definition: OperationDefinition<P>,
    request: OperationRequest<P>,
  ): Promise<OperationRecord> {
    return this.#turns
      .take(() => this.#run(definition, request))
      .catch((error: unknown) => {
        throw translateError(error) ?? error;
      });
  }

  /** The newest first, at most 100: of one tenant, or of all. */
  list(tenant?: string): Promise<OperationRecord[]> {
    return listOperations(this.#owner, { tenant });
  }

  async #run<P extends JsonObject>(
    definition: OperationDefinition<P>,
    { tenant: id, params, signal, onEvent = () => undefined }: OperationRequest<P>,
  ): Promise<OperationRecord> {
    const tenant = parseTenantId(id);
    if (this.#owner.options.max === 1) {
      const reason = 'an operation on a tenant needs two: one of them holds its lock';
      throw new TenancyError('TENANCY_OPTION_INVALID', { option: 'ownerConnections', reason });
    }
    const tenants = [...new Set([tenant, ...(definition.others?.(params) ?? [])])];
    const lock = await tryHold(this.#owner, tenants.map(lockNames.operation));
    if (!lock) throw new TenancyError('TENANCY_TENANT_BUSY', { tenant });
    try {
      let operation = await this.#findFitting(definition, tenant, params);
      const run = (each: OpenOperation) =>
        new OperationRun({
          owner: this.#owner,
          limits: this.#limits,
          definition,
          lock,
          operation: each,
          watch: { signal, onEvent },
        });
      if (operation?.status === 'reverting') {
        await run(operation).revert();
        operation = undefined;
      }
      if (operation) onEvent({ type: 'resumed', id: operation.id, kind: operation.kind, done: operation.done });
      else {
        operation = await this.#open(definition, tenant, params);
        const steps = definition.steps.map(({ name }) => name);
        onEvent({ type: 'started', id: operation.id, kind: operation.kind, steps });
      }
      const { id: number } = operation;
      await run(operation).forward();
      const ended = one(
        await listOperations(this.#owner, { id: number }),
        `select … from tenantry.operation where id = ${number}`,
      );
      // An operation that is still `running` while this process holds its lock was stopped by the signal.
      const result: OperationRecord = ended.status === 'running' ? { ...ended, status: 'interrupted' } : ended;
      onEvent({ type: 'finished', status: result.status });
      return result;
    } finally {
      await lock.release();
    }
  }

  async #findFitting<P extends JsonObject>(
    { kind }: OperationDefinition<P>,
    tenant: string,
    params: P,
  ): Promise<OpenOperation | undefined> {
    const operation = await findOpenOperation(this.#owner, tenant);
    if (!operation || (operation.kind === kind && isDeepStrictEqual(operation.params, plain(params)))) return operation;
    const { id, kind: unfinished } = operation;
    throw new TenancyError('TENANCY_OPERATION_OPEN', { tenant, operation: id, kind: unfinished });
  }

  async #open<P extends JsonObject>(
    definition: OperationDefinition<P>,
    tenant: ReturnType<typeof parseTenantId>,
    params: P,
  ): Promise<OpenOperation> {
    return inOperationTransaction(this.#owner, this.#limits, async (client) => {
      await definition.check?.(client, tenant, params);
      return openOperation(client, definition.kind, tenant, params);
    });
  }
}

/** As JSON returns it from the catalog, where keys with `undefined` are missing. */
function plain(params: JsonObject): unknown {
  return JSON.parse(JSON.stringify(params));
}
