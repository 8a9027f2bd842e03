import type pg from 'pg';
import { CachedCatalog } from './catalog/cached-catalog.js';
import { catalogExecutor } from './catalog/catalog-executor.js';
import { PostgresCatalog } from './catalog/postgres-catalog.js';
import { Background } from './background.js';
import { TenantCopies } from './copies/tenant-copies.js';
import type { Database } from './database.js';
import { Fleet } from './fleet/fleet.js';
import { RolloutStore } from './fleet/rollout-store.js';
import { TenantEvents } from './lifecycle/events/tenant-events.js';
import { Operations } from './lifecycle/operations/operations.js';
import { Tenants } from './lifecycle/tenants/tenants.js';
import { listenUrl } from './listen-url.js';
import { makeReconcileLoop } from './make-reconcile-loop.js';
import type { MigrationClass, ShippedService } from './migrations/tenant-migration.js';
import { type Hearers, hearNotifications } from './notifications.js';
import type { ResolvedOptions } from './options.js';
import type { Listener } from './postgres/listener.js';
import { Provisioner } from './provision/provisioner.js';
import { Reconciler } from './provision/reconciler.js';
import { TemplateKeeper } from './provision/template/template-keeper.js';
import { Readiness } from './readiness.js';
import { requireOwner } from './require-owner.js';
import { schemaRestorer } from './restore-schema.js';
import { runAsTenant } from './run-as-tenant.js';
import { ServiceContexts } from './service-contexts.js';
import type { TenantId } from './tenant/tenant-id.js';

/** What a `Tenancy` is made of: all that lives as long as the process takes part in tenancy. */
export interface TenancyParts {
  readonly options: ResolvedOptions;
  readonly database: Database;
  readonly catalog: CachedCatalog;
  readonly contexts: ServiceContexts;
  readonly readiness: Readiness;
  readonly events: TenantEvents;
  readonly tenants: Tenants;
  readonly fleet: Fleet;
  readonly copies: TenantCopies;
  /** Where this process has the owner role. */
  readonly reconciler: Reconciler | undefined;
  readonly background: Background;
}

/** Puts the parts of a process together. Nothing is started here, and nothing asks the database. */
export function compose(options: ResolvedOptions, database: Database, shipped: ShippedService): TenancyParts {
  const { cache, logger, service } = options;
  const { pool, owner } = database;
  const catalog = new CachedCatalog(new PostgresCatalog(pool, database.target.database, service), cache);
  const executor = catalogExecutor(pool);
  const events = new TenantEvents(executor, { pollMs: cache.ttlMs, warn: (message) => logger?.warn(message) });
  const classes = new Map(Object.entries(options.migrations));
  const owned = owner && composeOwned(owner, options, database, classes);
  const contexts = new ServiceContexts({ options, shipped, classes, owned });
  const { provisioner, operations, templates } = owned ?? {};
  const reconciler = owned && composeReconciler(owned, options, contexts);
  const readiness = new Readiness({ options, database, catalog, contexts, shipped, provisioner });
  const tenants = new Tenants({
    catalog,
    executor,
    owner,
    operations,
    bringToHead: schemaRestorer(owner, contexts),
    forget: (id) => catalog.forget(id as TenantId),
  });
  const fleet = new Fleet({
    contextOf: (name) => contexts.named(name),
    store: new RolloutStore(owner),
    catalog: pool,
    run: (tenant, fn) => runAsTenant(readiness, tenant, fn),
  });
  const copies = new TenantCopies({
    service,
    lockTimeoutMs: options.lockTimeoutMs,
    owner: () => requireOwner(owner, 'Working on a whole tenant'),
    contextOf: (name) => contexts.named(name),
  });
  const stopping = new AbortController();
  const loop =
    reconciler && options.reconcile.automatic
      ? makeReconcileLoop(reconciler, tenants, options, stopping.signal)
      : undefined;
  const listener = composeListener(options, database, { catalog, events, wake: () => loop?.wake() });
  const moving = { listener, reconciler, templates, loop, stopping };
  const background = new Background({ options, database, shipped, events, ...moving });
  return { options, database, catalog, contexts, readiness, events, tenants, fleet, copies, reconciler, background };
}

/** What only a process with the owner role has. */
interface Owned {
  readonly owner: pg.Pool;
  readonly operations: Operations;
  readonly templates: TemplateKeeper;
  readonly provisioner: Provisioner;
}

function composeOwned(
  owner: pg.Pool,
  options: ResolvedOptions,
  { serverVersion }: Database,
  classes: ReadonlyMap<string, MigrationClass>,
): Owned {
  const { isolation, lockTimeoutMs, migrationTimeoutMs: statementTimeoutMs, transactionPooler } = options;
  const limits = { lockTimeoutMs, statementTimeoutMs };
  const templates = new TemplateKeeper(owner, { isolation, serverVersion, ...limits }, options.logger);
  const defaults = { isolation, serverVersion, ...limits, transactionPooler, classes };
  const provisioner = new Provisioner(owner, defaults, templates);
  return { owner, operations: new Operations(owner, limits), templates, provisioner };
}

function composeReconciler(
  { owner, provisioner, templates }: Owned,
  { ownerConnections }: ResolvedOptions,
  contexts: ServiceContexts,
): Reconciler {
  return new Reconciler(owner, provisioner, {
    concurrency: ownerConnections,
    contextOf: (service, shipped) => contexts.of(service, shipped),
    template: (service, shipped) => templates.build(service, shipped),
  });
}

function composeListener(
  options: ResolvedOptions,
  { target }: Database,
  hearers: Omit<Hearers, 'onLost'>,
): Listener | undefined {
  const url = listenUrl(options, target.url);
  const onLost = (reason: string) =>
    options.logger?.warn(`Not listening (${reason}); changes of tenants arrive after ${options.cache.ttlMs} ms.`);
  return url ? hearNotifications(url, { ...hearers, onLost }) : undefined;
}
