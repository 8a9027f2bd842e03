import type pg from 'pg';
import { runInScope } from '../context/current-scope.js';
import { catalogScope } from '../context/scope.js';
import { TenancyError } from '../errors/tenancy-error.js';
import type { Tenant } from '../tenant/tenant.js';
import { detectDrift } from '../drift/detect-drift.js';
import type { DriftOptions, DriftSelector } from '../drift/drift-options.js';
import type { DriftReport } from '../drift/drift-report.js';
import { eachTenant, type EachOptions, type EachPage, type TenantResult } from './each-tenant.js';
import { EventQueue } from './event-queue.js';
import type { FleetTarget } from './fleet-target.js';
import { makePlan } from './make-plan.js';
import { Rollout } from './rollout.js';
import type { ServiceContext } from './service-context.js';
import type { RolloutEvent, RolloutOutcome } from './rollout-event.js';
import type { RolloutPlan } from './rollout-plan.js';
import { type RolloutRecord, RolloutStore } from './rollout-store.js';
import type { RolloutFailure } from './rollout-failure.js';
import type { RolloutOptions } from './rollout-options.js';
import type { FleetSelector } from './selector.js';

/**
 * How a rollout is run.
 *
 * @example
 * const careful: MigrateOptions = { selector: { labels: { tier: 'free' } }, canary: 5, waves: ['10%', '100%'], maxFailures: '1%' };
 */
export interface MigrateOptions extends FleetTarget, RolloutOptions {
  /** Batches at the same time, each on a connection of the owner role. @default 4, at most what the owner's pool leaves besides the one that leads and one that looks at what is waited for */
  readonly concurrency?: number | undefined;
  /** Ends the rollout after the batches in flight. */
  readonly signal?: AbortSignal | undefined;
}

/** A rollout under way: iterate over its events, or only await its outcome. */
export interface RunningRollout extends AsyncIterable<RolloutEvent> {
  readonly outcome: Promise<RolloutOutcome>;
}

/** What a {@link Fleet} is made of. */
export interface FleetParts {
  /** Throws `TENANCY_OWNER_REQUIRED` where this process may not run DDL. */
  contextOf(service: string | undefined): Promise<ServiceContext>;
  readonly store: RolloutStore;
  /** Reads the catalog in the catalog scope. */
  readonly catalog: Pick<pg.Pool, 'query'>;
  /** Runs code as one tenant. */
  run<T>(tenant: string, fn: () => T | Promise<T>): Promise<T>;
}

/** All tenants of a service as one thing that can be planned, migrated and looked at. */
export class Fleet {
  readonly #parts: FleetParts;

  constructor(parts: FleetParts) {
    this.#parts = parts;
  }

  /**
   * Runs code once in every selected tenant, in that tenant's scope. One that throws is a result like any other.
   *
   * @param selector - Without a status: those that are served.
   * @example
   * const results = await tenancy.fleet.each({ labels: { tier: 'gold' } }, () => sendReminders());
   * for (const result of results) if (!result.ok) log(`${result.tenant}: ${String(result.error)}`);
   */
  each<T>(
    selector: FleetSelector,
    fn: (tenant: Tenant) => T | Promise<T>,
    options?: EachOptions,
  ): Promise<TenantResult<T>[]> {
    const { catalog, run } = this.#parts;
    const page: EachPage = (text, values) =>
      runInScope(catalogScope, async () => (await catalog.query<Tenant>(text, [...values])).rows);
    return eachTenant(page, selector, (tenant) => run(tenant.id, () => fn(tenant)), options);
  }

  /**
   * What a rollout would do; changes nothing.
   *
   * @throws TenancyError `TENANCY_OWNER_REQUIRED`, `TENANCY_TENANT_UNKNOWN`, `TENANCY_MIGRATION_UNKNOWN`, `TENANCY_MIGRATION_IRREVERSIBLE`.
   * A problem of the plan itself does not throw: it is in its `findings`.
   * @example
   * const { total, findings } = await tenancy.fleet.plan({ selector: { tenants: ['acme', 'globex'] } });
   */
  async plan(options: FleetTarget & RolloutOptions = {}): Promise<RolloutPlan> {
    return planWith(await this.#parts.contextOf(options.service), options);
  }

  /**
   * Takes tenants to head, or back. It never throws for one tenant: the outcome says which failed. A plan with a finding of
   * the level `error` is refused with `TENANCY_PLAN_REFUSED`, and nothing is changed.
   *
   * @example
   * const rollout = tenancy.fleet.migrate({ canary: 5, signal });
   * for await (const event of rollout) if (event.type === 'progress') log(`${event.done} of ${event.total}`);
   * const { status, failures } = await rollout.outcome;
   */
  migrate(options: MigrateOptions = {}): RunningRollout {
    return this.#run(options, undefined);
  }

  /**
   * Goes on with a rollout that was halted, stopped or interrupted; tenants that failed are tried again.
   *
   * @throws TenancyError `TENANCY_ROLLOUT_UNKNOWN`, `TENANCY_ROLLOUT_OVER`.
   * @example
   * const { outcome } = await tenancy.fleet.resume(7);
   * log((await outcome).status);
   */
  async resume(id: number, options: Pick<MigrateOptions, 'concurrency' | 'signal'> = {}): Promise<RunningRollout> {
    const { service, direction, target, selector, options: asked, total } = await this.#parts.store.findOpen(id);
    return this.#run({ ...options, ...asked, service, direction, to: target, selector }, { id, total });
  }

  /**
   * Gives a rollout up: its tenants stay where they are, and no reconciler touches them until a later rollout.
   *
   * @throws TenancyError `TENANCY_ROLLOUT_UNKNOWN`, `TENANCY_ROLLOUT_OVER`.
   * @example
   * await tenancy.fleet.abort(7);
   */
  abort(id: number): Promise<RolloutRecord> {
    return this.#parts.store.abort(id);
  }

  /**
   * How tenant schemas differ from what their ledgers say; nothing is written.
   *
   * @param selector - By default all tenants of this process's service.
   * @throws TenancyError `TENANCY_OWNER_REQUIRED`, `TENANCY_OPTION_INVALID` for a service or a tenant that is not there.
   * @example
   * const { clean, drifted } = await tenancy.fleet.drift({ tenants: ['acme'] });
   * for (const { schema, differences } of drifted) log(`${schema}: ${differences.length} differences`);
   */
  async drift(selector: DriftSelector = {}, options: DriftOptions = {}): Promise<DriftReport> {
    const { owner, service } = await this.#parts.contextOf(selector.service);
    return detectDrift(owner, { ...selector, service }, options);
  }

  /**
   * The newest rollouts first, at most 100 of each service.
   *
   * @example
   * const [newest] = await tenancy.fleet.rollouts('inventory');
   */
  rollouts(service?: string): Promise<RolloutRecord[]> {
    return this.#parts.store.list(service);
  }

  /**
   * One rollout, and what failed in it.
   *
   * @throws TenancyError `TENANCY_ROLLOUT_UNKNOWN`.
   * @example
   * const { status, failures } = await tenancy.fleet.rollout(7);
   */
  async rollout(id: number): Promise<RolloutRecord & { readonly failures: readonly RolloutFailure[] }> {
    return { ...(await this.#parts.store.find(id)), failures: await this.#parts.store.failures(id) };
  }

  #run(options: MigrateOptions, resumes: { id: number; total: number } | undefined): RunningRollout {
    const events = new EventQueue<RolloutEvent>();
    const outcome = this.#execute(options, resumes, events).finally(() => events.end());
    // A caller who only iterates must not get an unhandled rejection; awaiting the outcome still throws.
    outcome.catch(() => undefined);
    return { outcome, [Symbol.asyncIterator]: () => events[Symbol.asyncIterator]() };
  }

  async #execute(
    options: MigrateOptions,
    resumes: { id: number; total: number } | undefined,
    events: EventQueue<RolloutEvent>,
  ): Promise<RolloutOutcome> {
    const context = await this.#parts.contextOf(options.service);
    const { canary, waves, maxFailures, allow, selector = {}, signal } = options;
    // One connection holds the lead.
    const most = (context.owner.options.max ?? 10) - 1;
    if (most < 1) {
      const reason = 'a rollout needs two: one connection leads, the others work';
      throw new TenancyError('TENANCY_OPTION_INVALID', { option: 'ownerConnections', reason });
    }
    if (!Number.isInteger(options.concurrency ?? 1) || (options.concurrency ?? 1) < 1) {
      const reason = `"${options.concurrency}" is not a number of batches`;
      throw new TenancyError('TENANCY_OPTION_INVALID', { option: 'concurrency', reason });
    }
    return new Rollout({
      context,
      store: this.#parts.store,
      selector,
      options: { canary, waves, maxFailures, allow },
      concurrency: Math.min(options.concurrency ?? Math.min(4, Math.max(1, most - 1)), most),
      signal,
      resumes: resumes?.id,
      plan: () => planWith(context, options, resumes?.total),
      emit: (event) => events.push(event),
    }).execute();
  }
}

function planWith(
  { owner, service, shipped, largeTableRows }: ServiceContext,
  options: FleetTarget & RolloutOptions,
  totalAtFirst?: number,
): Promise<RolloutPlan> {
  const { migrations } = shipped;
  return makePlan(owner, { ...options, service, migrations, totalAtFirst }, largeTableRows);
}
