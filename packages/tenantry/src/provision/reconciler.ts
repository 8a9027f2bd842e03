import type pg from 'pg';
import type { TenancyErrorCode } from '../errors/error-codes.js';
import { TenancyError } from '../errors/tenancy-error.js';
import type { ServiceContext } from '../fleet/service-context.js';
import { planRollout } from '../fleet/rollout-plan.js';
import { WaveRunner } from '../fleet/wave-runner.js';
import type { ShippedService } from '../migrations/tenant-migration.js';
import { translateError } from '../postgres/translate-error.js';
import type { ServiceName } from '../tenant/service-name.js';
import { findBehind, type FoundGap, type Gap, readFleet } from './find-behind.js';
import { readService } from '../migrations/read-service.js';
import type { Provisioner } from './provisioner.js';
import { type ReconcileReport, ReportBuilder } from './reconcile-report.js';

/** How the reconciler works. */
export interface ReconcilerOptions {
  /** Tenants brought to head at the same time, each on a connection of the owner role. */
  readonly concurrency: number;
  /** What a service's fleet is migrated with. */
  contextOf(service: ServiceName, shipped: ShippedService): ServiceContext;
  /** Builds the template that new tenants of a service are made from, where there is none. */
  template?(service: ServiceName, shipped: ShippedService): Promise<void>;
}

/** Read once per run. */
type ShippedServices = Map<ServiceName, Promise<ShippedService>>;

const pageSize = 1000;

/**
 * From so many new tenants of one service on, a template is built first: it takes as long as a dozen replays, and saves
 * half of each.
 */
const templateFrom = 20;

/** Compares desired with actual for the whole fleet and closes each gap, tenant by tenant; one failure stops no other. */
export class Reconciler {
  readonly #owner: Pick<pg.Pool, 'query'>;
  readonly #provisioner: Provisioner;
  readonly #options: ReconcilerOptions;
  readonly #stopping = new AbortController();

  constructor(owner: Pick<pg.Pool, 'query'>, provisioner: Provisioner, options: ReconcilerOptions) {
    this.#owner = owner;
    this.#provisioner = provisioner;
    this.#options = options;
  }

  /**
   * Closes all gaps there are now. A stop in between leaves whole tenants only.
   *
   * @param withLost - Also those whose schema, role or rights PostgreSQL lost, which only somebody's hand or a restore can do. @default true
   */
  async run(withLost = true): Promise<ReconcileReport> {
    const report = new ReportBuilder();
    const shipped: ShippedServices = new Map();
    try {
      let after: Gap | undefined;
      for (;;) {
        const gaps = await findBehind(this.#owner, pageSize, after, withLost);
        const behind = gaps.filter(({ schema, regrant, lost }) => schema !== null && !regrant && !lost);
        await this.#templateFor(gaps, shipped);
        await this.#closeAll(
          gaps.filter((gap) => !behind.includes(gap)),
          shipped,
          report,
        );
        await this.#migrateAll(behind, shipped, report);
        after = gaps.at(-1);
        if (gaps.length < pageSize || this.#stopping.signal.aborted) break;
      }
      return report.build(await readFleet(this.#owner));
    } catch (error) {
      throw translateError(error) ?? error;
    }
  }

  /** Makes a run that is under way end after the tenants in hand. */
  stop(): void {
    this.#stopping.abort();
  }

  /** Builds the templates that are worth it before these tenants are made. A single tenant would only wait for one. */
  async #templateFor(gaps: readonly FoundGap[], shipped: ShippedServices): Promise<void> {
    const groups = Map.groupBy(
      gaps.filter(({ schema }) => schema === null),
      ({ service }) => service,
    );
    for (const [service, { length }] of groups)
      if (length >= templateFrom) await this.#options.template?.(service, await this.#shippedOf(service, shipped));
  }

  async #closeAll(gaps: readonly Gap[], shipped: ShippedServices, report: ReportBuilder): Promise<void> {
    // Shuffled, so that processes which wake together share the work instead of queueing for the same tenant.
    const todo = gaps.map((gap) => ({ gap, at: Math.random() })).toSorted((a, b) => a.at - b.at);
    const work = async () => {
      for (let next = todo.pop(); next && !this.#stopping.signal.aborted; next = todo.pop())
        await this.#close(next.gap, shipped, report);
    };
    const workers = Array.from({ length: this.#options.concurrency }, () =>
      work().catch((error: unknown) => {
        todo.length = 0;
        throw error;
      }),
    );
    // Waits for every worker, also after one has failed: the caller may close what they work with.
    for (const outcome of await Promise.allSettled(workers)) if (outcome.status === 'rejected') throw outcome.reason;
  }

  /** Tenants that are there but behind go through the fleet, in batches, and not one by one. */
  async #migrateAll(behind: readonly FoundGap[], shipped: ShippedServices, report: ReportBuilder): Promise<void> {
    for (const service of new Set(behind.map((gap) => gap.service))) {
      if (this.#stopping.signal.aborted) return;
      const ready = await this.#shippedOf(service, shipped);
      const tenants = behind.filter((gap) => gap.service === service);
      const { migrations } = ready;
      const target = migrations.at(-1)?.name ?? null;
      const plan = planRollout({ service, direction: 'up', migrations, target, tenants });
      const runner = new WaveRunner(this.#options.contextOf(service, ready), plan, {
        done: (done) => {
          for (const { tenant, head } of done) {
            const ran = plan.groups.find(({ from }) => from === head)?.migrations.map(({ name }) => name) ?? [];
            report.succeeded({ tenant, service, outcome: 'migrated', migrations: ran });
          }
        },
        failed: ({ tenant }, { code, reason }) =>
          report.failed({ tenant, service, code: code as TenancyErrorCode, reason }),
        stopping: () => this.#stopping.signal.aborted,
      });
      for (const { tenants: wave } of plan.waves) await runner.run(wave, this.#options.concurrency);
    }
  }

  #shippedOf(service: ServiceName, shipped: ShippedServices): Promise<ShippedService> {
    const reading = shipped.get(service) ?? readService(this.#owner, service);
    shipped.set(service, reading);
    return reading;
  }

  async #close(gap: Gap, shipped: ShippedServices, report: ReportBuilder): Promise<void> {
    const { tenant, service } = gap;
    try {
      const ready = await this.#shippedOf(service, shipped);
      report.succeeded(await this.#provisioner.provision(tenant, service, ready));
    } catch (error) {
      const known = translateError(error);
      // The tenant went away between finding and closing the gap: there is no gap any more.
      if (known?.code === 'TENANCY_TENANT_UNKNOWN') return;
      if (known?.code === 'TENANCY_DATABASE_UNAVAILABLE') throw known;
      report.failed({ tenant, service, code: known?.code ?? 'UNKNOWN', reason: reasonOf(known ?? error) });
    }
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof TenancyError) return error.operatorMessage;
  return error instanceof Error ? error.message : String(error);
}
