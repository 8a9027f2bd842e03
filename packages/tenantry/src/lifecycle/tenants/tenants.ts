import type pg from 'pg';
import type { CatalogExecutor } from '../../catalog/catalog-executor.js';
import type { Catalog, SqlExecutor } from '../../catalog/catalog.js';
import { TenancyError } from '../../errors/tenancy-error.js';
import { translateError } from '../../postgres/translate-error.js';
import type { Tenant } from '../../tenant/tenant.js';
import { parseTenantId } from '../../tenant/tenant-id.js';
import { checkTenantName } from '../../tenant/tenant-name.js';
import { pruneEvents } from '../events/read-events.js';
import type { OperationEvent, OperationRecord } from '../operations/operation-record.js';
import type { JsonObject, OperationDefinition } from '../operations/operation-step.js';
import { findOpenOperation } from '../operations/operation-store.js';
import type { Operations } from '../operations/operations.js';
import { archiveTenant } from './archive-tenant.js';
import { changeStatus, type StatusChange } from './change-status.js';
import { eraseTenant } from './erase-tenant.js';
import { type MoveParams, moveTenant } from './move-tenant.js';
import { listTenants, readTenant, readTenantDetails, type TenantPage } from './read-tenants.js';
import { type BringToHead, restoreTenant } from './restore-tenant.js';
import type { TenantDetails, TenantRecord } from './tenant-record.js';

/** What a {@link Tenants} is made of. */
export interface TenantsParts {
  readonly catalog: Catalog;
  /** Runs in the catalog scope. */
  readonly executor: CatalogExecutor;
  /** Where this process has the owner role. */
  readonly owner: pg.Pool | undefined;
  readonly operations: Operations | undefined;
  readonly bringToHead: BringToHead;
  /** Forgets what this process remembers of a tenant. */
  forget(id: string): void;
}

/** How an operation is watched and stopped. */
export interface TenantOperationOptions {
  /** Ends it after the step in hand; the same call goes on. */
  readonly signal?: AbortSignal | undefined;
  /** Called for each thing that happens. */
  readonly onEvent?: ((event: OperationEvent) => void) | undefined;
}

/** How a tenant is erased. */
export interface EraseOptions extends TenantOperationOptions {
  /** Days for which it can still be restored. @default 30; one that waits to be erased goes on waiting as long as it did */
  readonly graceDays?: number | undefined;
  /** Erases at once. @default false */
  readonly now?: boolean | undefined;
}

/** What became of a call to erase. */
export type Erasure =
  | { readonly outcome: 'scheduled'; readonly tenant: TenantRecord }
  | { readonly outcome: 'erased' | 'interrupted'; readonly operation: OperationRecord };

/** One tenant that was due. */
export interface DueErasure {
  readonly tenant: string;
  /** `undefined` when it is erased. */
  readonly error: TenancyError | undefined;
}

/** A tenant's life: from sign-up to the last trace. What takes several steps survives its process; see the guide "lifecycle". */
export class Tenants {
  readonly #parts: TenantsParts;

  constructor(parts: TenantsParts) {
    this.#parts = parts;
  }

  /**
   * Makes a tenant; as `catalog.create()`.
   *
   * @example
   * // together with a row of the caller's own, or not at all
   * await em.transactional(async (within) => {
   *   await tenancy.tenants.create({ id: 'acme', name: 'Acme' }, within);
   *   await within.execute("insert into billing.plan (tenant, plan) values ('acme', 'trial')");
   * });
   */
  create(tenant: { id: string; name: string }, within?: SqlExecutor): Promise<Tenant> {
    return this.#parts.catalog.create(tenant, within);
  }

  /**
   * Tenants of every status, in the order of their ids.
   *
   * @example
   * const suspended = await tenancy.tenants.list({ status: 'suspended' });
   */
  list(page?: TenantPage): Promise<TenantRecord[]> {
    return listTenants(this.#parts.executor, page);
  }

  /**
   * One tenant: its schemas, its newest operations and events.
   *
   * @throws TenancyError `TENANCY_TENANT_UNKNOWN`.
   * @example
   * const { schemas, operations } = await tenancy.tenants.show('acme');
   */
  show(id: string): Promise<TenantDetails> {
    return readTenantDetails(this.#parts.executor, id);
  }

  /**
   * Stops serving a tenant, in every process within a second. A suspended one is left alone.
   *
   * @param within - An EntityManager in a transaction, to do it together with other changes or not at all.
   * @throws TenancyError `TENANCY_TENANT_UNKNOWN`, `TENANCY_TENANT_STATUS`, `TENANCY_TENANT_BUSY`, `TENANCY_OPERATION_OPEN`.
   * @example
   * await tenancy.tenants.suspend('acme');
   */
  suspend(id: string, within?: SqlExecutor): Promise<Tenant> {
    return this.#change(id, { from: ['active'], to: 'suspended' }, within);
  }

  /**
   * Serves a suspended tenant again; an active one is left alone. Throws as {@link Tenants.suspend}.
   *
   * @example
   * await tenancy.tenants.resume('acme');
   */
  resume(id: string, within?: SqlExecutor): Promise<Tenant> {
    return this.#change(id, { from: ['suspended'], to: 'active' }, within);
  }

  /**
   * Puts a tenant away: its data stays, nobody is served, and PostgreSQL refuses its role to the login that serves.
   *
   * @throws TenancyError `TENANCY_OWNER_REQUIRED`, and as `Operations.run()`.
   * @example
   * await tenancy.tenants.archive('acme', { signal });
   */
  async archive(id: string, options?: TenantOperationOptions): Promise<TenantRecord> {
    if (!(await this.#isAlready(id, 'archived', 'archive'))) await this.#run(archiveTenant, id, {}, options);
    return readTenant(this.#parts.executor, id);
  }

  /**
   * Serves an archived tenant again, at head; also one that waits to be erased. Throws as {@link Tenants.archive}.
   *
   * @example
   * const { status } = await tenancy.tenants.restore('acme');
   */
  async restore(id: string, options?: TenantOperationOptions): Promise<TenantRecord> {
    if (!(await this.#isAlready(id, 'active', 'restore')))
      await this.#run(restoreTenant(this.#parts.bringToHead), id, {}, options);
    return readTenant(this.#parts.executor, id);
  }

  /**
   * Gives a tenant another name, or another id with everything that carries it: schemas, roles, rows in the catalog, rows
   * that services declared. The former id is unknown from then on, and nobody gets it again.
   *
   * @returns The tenant under its new id; under the former one when the signal came first.
   * @throws TenancyError `TENANCY_TENANT_UNKNOWN`, `TENANCY_TENANT_EXISTS`, `TENANCY_TENANT_ID_INVALID`,
   * `TENANCY_TENANT_NAME_INVALID`, and as {@link Tenants.archive}.
   * @example
   * await tenancy.tenants.rename('amce', { to: 'acme', name: 'Acme' });
   */
  async rename(
    id: string,
    { name, to }: { name?: string | undefined; to?: string | undefined },
    options?: TenantOperationOptions,
  ): Promise<TenantRecord> {
    if (name !== undefined) checkTenantName(name);
    if (to === undefined) {
      if (name !== undefined) await this.#parts.catalog.rename(id, name);
      return readTenant(this.#parts.executor, id);
    }
    const target = parseTenantId(to);
    const params: MoveParams = { to: target, ...(name !== undefined && { name }) };
    const { status } = await this.#run(moveTenant, id, params, options);
    return readTenant(this.#parts.executor, status === 'done' ? target : id);
  }

  /**
   * Deletes a tenant and erases it when the grace period is over, or at once. Whoever runs {@link Tenants.eraseDue} does
   * that: the reconciler of a process with the owner role, or the next `erase`.
   *
   * @throws TenancyError `TENANCY_TENANT_UNKNOWN`, `TENANCY_TENANT_ENTANGLED`, and as {@link Tenants.archive}.
   * @example
   * await tenancy.tenants.erase('acme', { graceDays: 14 });
   */
  async erase(id: string, { graceDays, now = false, ...options }: EraseOptions = {}): Promise<Erasure> {
    if (!now && !(await this.#isOpen(id, 'erase'))) {
      const tenant = await readTenant(this.#parts.executor, id);
      if (graceDays !== undefined || tenant.eraseAfter === null) return this.#schedule(id, graceDays ?? 30);
      if (tenant.eraseAfter.getTime() > Date.now()) return { outcome: 'scheduled', tenant };
    }
    const operation = await this.#run(eraseTenant, id, {}, options);
    return { outcome: operation.status === 'done' ? 'erased' : 'interrupted', operation };
  }

  /**
   * Erases every tenant whose grace period is over, and goes on with erasures that were interrupted. One that fails stops no other.
   *
   * @example
   * const failed = (await tenancy.tenants.eraseDue()).filter(({ error }) => error !== undefined);
   */
  async eraseDue(options?: TenantOperationOptions): Promise<DueErasure[]> {
    const owner = this.#owner;
    const { rows } = await owner.query<{ id: string }>(
      `select id from tenantry.tenant where erase_after <= now() order by erase_after limit 1000`,
    );
    const results: DueErasure[] = [];
    for (const { id } of rows) {
      if (options?.signal?.aborted) break;
      const error = await this.#run(eraseTenant, id, {}, options).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      const known = translateError(error);
      if (error !== undefined && !known) throw error;
      // Another process is erasing it, or has erased it already.
      if (known?.code === 'TENANCY_TENANT_BUSY' || known?.code === 'TENANCY_TENANT_UNKNOWN') continue;
      if (known?.code === 'TENANCY_DATABASE_UNAVAILABLE') throw known;
      results.push({ tenant: id, error: known });
    }
    await pruneEvents(owner);
    return results;
  }

  get #owner(): pg.Pool {
    const { owner } = this.#parts;
    if (!owner) throw new TenancyError('TENANCY_OWNER_REQUIRED', { what: 'This operation on a tenant' });
    return owner;
  }

  async #change(id: string, change: StatusChange, within?: SqlExecutor): Promise<Tenant> {
    const { executor } = this.#parts;
    return this.#forgetting(id, changeStatus(within ?? executor, id, change));
  }

  async #schedule(id: string, graceDays: number): Promise<Erasure> {
    if (!(graceDays >= 0 && graceDays <= 3650)) {
      const reason = 'it is a number of days from 0 to 3650';
      throw new TenancyError('TENANCY_OPTION_INVALID', { option: 'graceDays', reason });
    }
    const from = ['active', 'suspended', 'archived', 'deleted'] as const;
    await this.#change(id, { from, to: 'deleted', graceDays });
    return { outcome: 'scheduled', tenant: await readTenant(this.#parts.executor, id) };
  }

  async #run<P extends JsonObject>(
    definition: OperationDefinition<P>,
    tenant: string,
    params: P,
    options: TenantOperationOptions = {},
  ): Promise<OperationRecord> {
    const { operations } = this.#parts;
    if (!operations) throw new TenancyError('TENANCY_OWNER_REQUIRED', { what: `"${definition.kind}"` });
    return this.#forgetting(tenant, operations.run(definition, { ...options, tenant, params }));
  }

  /** This process forgets what it remembers of the tenant; the others are told by notification. */
  async #forgetting<T>(id: string, change: Promise<T>): Promise<T> {
    try {
      return await change;
    } finally {
      this.#parts.forget(id);
    }
  }

  async #isAlready(id: string, status: Tenant['status'], kind: string): Promise<boolean> {
    const tenant = await readTenant(this.#parts.executor, id);
    return tenant.status === status && !(await this.#isOpen(id, kind));
  }

  async #isOpen(id: string, kind: string): Promise<boolean> {
    const open = await findOpenOperation(this.#parts.executor, parseTenantId(id));
    return open?.kind === kind;
  }
}
