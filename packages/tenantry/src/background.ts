import type { Database } from './database.js';
import type { TenantEvents } from './lifecycle/events/tenant-events.js';
import { listenVariable } from './listen-url.js';
import type { ShippedService } from './migrations/tenant-migration.js';
import type { ResolvedOptions } from './options.js';
import type { Listener } from './postgres/listener.js';
import { connectError } from './postgres/translate-error.js';
import type { ReconcileLoop } from './provision/reconcile-loop.js';
import type { Reconciler } from './provision/reconciler.js';
import type { TemplateKeeper } from './provision/template/template-keeper.js';

/** What runs in the {@link Background}. */
export interface BackgroundParts {
  readonly options: ResolvedOptions;
  readonly database: Database;
  readonly shipped: ShippedService;
  readonly events: TenantEvents;
  /** Where this process listens. */
  readonly listener: Listener | undefined;
  /** Where it has the owner role. */
  readonly reconciler: Reconciler | undefined;
  readonly templates: TemplateKeeper | undefined;
  /** Where it reconciles by itself. */
  readonly loop: ReconcileLoop | undefined;
  /** Aborted when the process stops. */
  readonly stopping: AbortController;
}

/** What a process does by itself, besides what it is asked: it listens, reconciles, and builds its template. */
export class Background {
  readonly #parts: BackgroundParts;
  #building: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(parts: BackgroundParts) {
    this.#parts = parts;
  }

  /** Whether notifications arrive at the moment. */
  get listening(): boolean {
    return this.#parts.listener?.connected ?? false;
  }

  async start(): Promise<void> {
    const { options, shipped, listener, loop, templates } = this.#parts;
    await listener?.start().catch((error: unknown) => {
      throw connectError(error, listenVariable(options));
    });
    loop?.wake();
    // Not awaited: tenants that sign up before the template is built are made by a replay.
    const { service, reconcile } = options;
    if (service && reconcile.automatic) this.#building = templates?.build(service, shipped);
  }

  /** Ends everything after what is under way, and closes all connections. Once, however often it is called. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const { stopping, reconciler, loop, listener, events, database } = this.#parts;
    stopping.abort();
    reconciler?.stop();
    await Promise.all([loop?.stop(), listener?.stop(), events.stop(), this.#building]);
    await Promise.all([database.pool.end(), database.owner?.end()]);
  }
}
