import type pg from 'pg';
import { TenancyError } from '../errors/tenancy-error.js';
import type { ShippedService } from '../migrations/tenant-migration.js';
import { translateError } from '../postgres/translate-error.js';
import type { ServiceName } from '../tenant/service-name.js';
import { findBehind, type Gap, readFleet, readService } from './find-behind.js';
import type { Provisioner } from './provisioner.js';
import { type ReconcileReport, ReportBuilder } from './reconcile-report.js';

/** How the reconciler works. */
export interface ReconcilerOptions {
  /** Tenants brought to head at the same time, each on a connection of the owner role. */
  readonly concurrency: number;
}

/** Read once per run. */
type ShippedServices = Map<ServiceName, Promise<ShippedService>>;

const pageSize = 1000;

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

  /** Closes all gaps there are now. A stop in between leaves whole tenants only. */
  async run(): Promise<ReconcileReport> {
    const report = new ReportBuilder();
    const shipped: ShippedServices = new Map();
    try {
      let after: Gap | undefined;
      for (;;) {
        const gaps = await findBehind(this.#owner, pageSize, after);
        await this.#closeAll(gaps, shipped, report);
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
    // All of them have ended before the run does, also when it fails: nothing goes on behind its caller's back.
    for (const outcome of await Promise.allSettled(workers)) if (outcome.status === 'rejected') throw outcome.reason;
  }

  async #close(gap: Gap, shipped: ShippedServices, report: ReportBuilder): Promise<void> {
    const { tenant, service } = gap;
    try {
      const reading = shipped.get(service) ?? readService(this.#owner, service);
      shipped.set(service, reading);
      report.succeeded(await this.#provisioner.provision(tenant, service, await reading));
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
