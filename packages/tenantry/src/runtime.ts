import { catalogExecutor } from './catalog/catalog-executor.js';
import type pg from 'pg';
import { CachedCatalog } from './catalog/cached-catalog.js';
import { PostgresCatalog } from './catalog/postgres-catalog.js';
import type { TenantScope } from './context/scope.js';
import type { Database } from './database.js';
import { TenancyError } from './errors/tenancy-error.js';
import { migrateTenant } from './fleet/migrate-tenant.js';
import type { ServiceContext } from './fleet/service-context.js';
import { RolloutStore } from './fleet/rollout-store.js';
import { TenantEvents } from './lifecycle/events/tenant-events.js';
import { Operations } from './lifecycle/operations/operations.js';
import { Provisioner } from './provision/provisioner.js';
import { TemplateKeeper } from './provision/template/template-keeper.js';
import { ReconcileLoop } from './provision/reconcile-loop.js';
import { Reconciler } from './provision/reconciler.js';
import { Tenants } from './lifecycle/tenants/tenants.js';
import { readService } from './migrations/read-service.js';
import type { MigrationClass, ShippedService } from './migrations/tenant-migration.js';
import { listenUrl, listenVariable } from './listen-url.js';
import type { ResolvedOptions } from './options.js';
import { Listener } from './postgres/listener.js';
import { connectError, translateError } from './postgres/translate-error.js';
import { type RoleName, schemaNameOf } from './tenant/schema-name.js';
import { parseServiceName, type ServiceName } from './tenant/service-name.js';
import type { Tenant } from './tenant/tenant.js';
import type { TenantId } from './tenant/tenant-id.js';

const channel = 'tenantry';

/** Everything that lives as long as the process takes part in tenancy. */
export class TenancyRuntime {
  readonly options: ResolvedOptions;
  readonly database: Database;
  readonly catalog: CachedCatalog;
  readonly reconciler: Reconciler | undefined;
  readonly rollouts: RolloutStore;
  readonly events: TenantEvents;
  readonly operations: Operations | undefined;
  readonly tenants: Tenants;
  readonly #toldAhead = new Set<string>();
  readonly #bringing = new Map<TenantId, Promise<void>>();
  readonly #classes: ReadonlyMap<string, MigrationClass>;
  readonly #provisioner: Provisioner | undefined;
  readonly #templates: TemplateKeeper | undefined;
  #building: Promise<void> | undefined;
  readonly #shipped: ShippedService;
  readonly #loop: ReconcileLoop | undefined;
  readonly #listener: Listener | undefined;
  readonly #stopping = new AbortController();
  #stopped: Promise<void> | undefined;

  constructor(options: ResolvedOptions, database: Database, shipped: ShippedService) {
    this.options = options;
    this.database = database;
    this.#shipped = shipped;
    this.#classes = new Map(Object.entries(options.migrations));
    this.rollouts = new RolloutStore(database.owner);
    this.catalog = new CachedCatalog(
      new PostgresCatalog(database.pool, database.target.database, options.service),
      options.cache,
    );
    const executor = catalogExecutor(database.pool);
    this.events = new TenantEvents(executor, {
      pollMs: options.cache.ttlMs,
      warn: (message) => options.logger?.warn(message),
    });
    const { owner } = database;
    const limits = { lockTimeoutMs: options.lockTimeoutMs, statementTimeoutMs: options.migrationTimeoutMs };
    this.operations = owner && new Operations(owner, limits);
    this.tenants = new Tenants({
      catalog: this.catalog,
      executor,
      owner,
      operations: this.operations,
      bringToHead: (tenant, name, stayAt) => this.#restoreSchema(tenant, name, stayAt),
      forget: (id) => this.catalog.forget(id as TenantId),
    });
    if (owner) {
      const { isolation, migrationTimeoutMs: statementTimeoutMs, logger } = options;
      const ground = { isolation, serverVersion: database.serverVersion, ...limits };
      const templates = new TemplateKeeper(owner, ground, logger);
      this.#templates = templates;
      const defaults = { ...options, ...database, statementTimeoutMs, classes: this.#classes };
      this.#provisioner = new Provisioner(owner, defaults, templates);
      this.reconciler = new Reconciler(owner, this.#provisioner, {
        concurrency: options.ownerConnections,
        contextOf: (name, ships) => this.#contextOf(name, ships),
        template: (name, ships) => templates.build(name, ships),
      });
      if (options.reconcile.automatic) this.#loop = this.#makeLoop(this.reconciler);
    }
    const url = listenUrl(options, database.target.url);
    if (url) this.#listener = this.#makeListener(url);
  }

  get listening(): boolean {
    return this.#listener?.connected ?? false;
  }

  async start(): Promise<void> {
    await this.#listener?.start().catch((error: unknown) => {
      throw connectError(error, listenVariable(this.options));
    });
    this.#loop?.wake();
    // Beside all else: whoever signs up meanwhile is made by a replay.
    const { service, reconcile } = this.options;
    if (service && reconcile.automatic) this.#building = this.#templates?.build(service, this.#shipped);
  }

  /**
   * Makes a tenant's schema when a request is the first to need it.
   *
   * @throws TenancyError `TENANCY_TENANT_NOT_READY` where this process may not.
   */
  async provision(tenant: Tenant, service: ServiceName): Promise<TenantScope> {
    const { id } = tenant;
    if (!this.#provisioner) {
      // A process with the owner role listens; the caller tries again in a moment.
      await this.database.pool.query('select pg_notify($1, $2)', [channel, `wanted:${id}`]);
      throw new TenancyError('TENANCY_TENANT_NOT_READY', { tenant: id, of: ` for the service "${service}"` });
    }
    await this.#provisioner.provision(id, service, this.#shipped);
    this.catalog.forget(id);
    const schema = schemaNameOf(id, service);
    const role = this.options.isolation === 'role' ? schema : (this.database.serviceRole as RoleName);
    return { kind: 'tenant', tenant, placement: { service, database: this.database.target.database, schema, role } };
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#stopping.abort();
    this.reconciler?.stop();
    await Promise.all([this.#loop?.stop(), this.#listener?.stop(), this.events.stop(), this.#building]);
    await Promise.all([this.database.pool.end(), this.database.owner?.end()]);
  }

  /** How a tenant's head stands to what this process ships. A head that it does not know is newer: it says so, once each. */
  standingOf(head: string | null, tenant: TenantId): 'at head' | 'behind' | 'ahead' {
    const { migrations } = this.#shipped;
    if (head === (migrations.at(-1)?.name ?? null)) return 'at head';
    if (head === null || migrations.some(({ name }) => name === head)) return 'behind';
    if (!this.#toldAhead.has(head)) {
      this.#toldAhead.add(head);
      this.options.logger?.warn(
        `Tenant ${tenant} is at "${head}", which this version does not know: it serves tables that are newer than its code.`,
      );
    }
    return 'ahead';
  }

  /**
   * Brings one tenant to head because a request needs it; its neighbours notice nothing. Many requests cause one migration.
   *
   * @throws TenancyError why it could not be done; `TENANCY_OWNER_REQUIRED` where this process may not.
   */
  async bringToHead(tenant: TenantId, service: ServiceName): Promise<void> {
    const running = this.#bringing.get(tenant) ?? this.#bring(tenant, service);
    this.#bringing.set(tenant, running);
    await running;
  }

  async #bring(tenant: TenantId, service: ServiceName): Promise<void> {
    try {
      await migrateTenant(this.#contextOf(service, this.#shipped), tenant);
    } finally {
      this.#bringing.delete(tenant);
      this.catalog.forget(tenant);
    }
  }

  /** Gives a tenant's schema back to the login that serves, and brings it to head, or leaves it where it was taken to. */
  async #restoreSchema(tenant: TenantId, service: ServiceName, stayAt: string | null | undefined): Promise<void> {
    if (!this.database.owner) throw new TenancyError('TENANCY_OWNER_REQUIRED', { what: 'Restoring' });
    const shipped = await readService(this.database.owner, service);
    await this.#provisioner?.provision(tenant, service, stayAt === undefined ? shipped : upTo(shipped, stayAt));
    // What is more than statements is the fleet's, also for one tenant.
    if (stayAt === undefined) await migrateTenant(this.#contextOf(service, shipped), tenant);
  }

  /** @throws TenancyError `TENANCY_OWNER_REQUIRED`. */
  requireOwner(what: string): pg.Pool {
    const { owner } = this.database;
    if (!owner) throw new TenancyError('TENANCY_OWNER_REQUIRED', { what });
    return owner;
  }

  /**
   * What a service's fleet is migrated with; by default this process's own service.
   *
   * @throws TenancyError `TENANCY_OWNER_REQUIRED`.
   */
  async serviceContext(name: string | undefined): Promise<ServiceContext> {
    const owner = this.requireOwner('A rollout');
    const service = name === undefined ? this.options.service : parseServiceName(name);
    if (service === undefined) {
      throw new TenancyError('TENANCY_OPTION_INVALID', { option: 'service', reason: 'a rollout needs one' });
    }
    const own = service === this.options.service;
    return this.#contextOf(service, own ? this.#shipped : await readService(owner, service));
  }

  #contextOf(service: ServiceName, shipped: ShippedService): ServiceContext {
    const { isolation, lockTimeoutMs, outsideWaitMs, migrationTimeoutMs, largeTableRows } = this.options;
    const { owner } = this.database;
    const provisioner = this.#provisioner;
    if (!owner || !provisioner) throw new TenancyError('TENANCY_OWNER_REQUIRED', { what: 'A rollout' });
    return {
      owner,
      isolation,
      service,
      shipped,
      classes: service === this.options.service ? this.#classes : new Map(),
      lockTimeoutMs,
      outsideWaitMs,
      statementTimeoutMs: migrationTimeoutMs,
      largeTableRows,
      provision: async (tenant, head) => {
        await provisioner.provision(tenant, service, head === undefined ? shipped : upTo(shipped, head));
      },
    };
  }

  #makeLoop(reconciler: Reconciler): ReconcileLoop {
    const { logger, reconcile } = this.options;
    let lookedAt = Number.NEGATIVE_INFINITY;
    const run = async () => {
      // By the timer, not for each new tenant: what was lost stays lost until then, and the look is a long one.
      const withLost = performance.now() - lookedAt > reconcile.intervalMs / 2;
      if (withLost) lookedAt = performance.now();
      const report = await reconciler.run(withLost);
      await this.#eraseDue();
      return report;
    };
    return new ReconcileLoop(run, {
      intervalMs: reconcile.intervalMs,
      onReport: ({ provisioned, migrated, changes, failures }) => {
        if (provisioned + migrated > 0)
          logger?.log(`Brought to head: ${provisioned} provisioned, ${migrated} migrated.`);
        for (const { tenant, service, outcome } of changes)
          if (outcome === 'repaired')
            logger?.warn(
              `Tenant ${tenant} of ${service} had lost its role or the rights of it; they were given back. \`tenantry drift\` shows what else is missing.`,
            );
        for (const { tenant, service, reason } of failures) logger?.warn(`Tenant ${tenant} of ${service}: ${reason}`);
      },
      onError: (error) =>
        logger?.warn(`Reconciling failed and is tried again: ${(translateError(error) ?? (error as Error)).message}`),
    });
  }

  /** Tenants whose grace period is over. */
  async #eraseDue(): Promise<void> {
    if (this.options.ownerConnections < 2) return;
    const { logger } = this.options;
    for (const { tenant, error } of await this.tenants.eraseDue({ signal: this.#stopping.signal })) {
      if (error) logger?.warn(`Tenant ${tenant} could not be erased and is tried again: ${error.operatorMessage}`);
      else logger?.log(`Erased tenant ${tenant}.`);
    }
  }

  #makeListener(url: string): Listener {
    return new Listener({ connectionString: url }, channel, {
      onMessage: (payload) => {
        const [subject, ids = ''] = payload.split(':');
        if (subject === 'tenant' || subject === 'schema') {
          for (const id of ids.split(',')) this.catalog.forget(id as TenantId);
        }
        if (subject === 'event') this.events.told(ids.split(','));
        else if (subject !== 'schema') this.#loop?.wake();
      },
      onConnected: () => {
        this.catalog.forget();
        this.events.catchUp();
        this.#loop?.wake();
      },
      onLost: (reason) =>
        this.options.logger?.warn(
          `Not listening (${reason}); changes of tenants arrive after ${this.options.cache.ttlMs} ms.`,
        ),
    });
  }
}

/** A service as it was when one of its migrations was the newest. */
function upTo(shipped: ShippedService, head: string | null): ShippedService {
  const { migrations } = shipped;
  return { ...shipped, migrations: migrations.slice(0, migrations.findIndex(({ name }) => name === head) + 1) };
}
