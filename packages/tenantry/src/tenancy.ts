import type { Options } from '@mikro-orm/postgresql';
import type { Catalog } from './catalog/catalog.js';
import type { TenancyParts } from './compose.js';
import { currentScope, requireTenantScope, runInScope } from './context/current-scope.js';
import { catalogScope, type Scope, type TenantScope } from './context/scope.js';
import { TenancyError } from './errors/tenancy-error.js';
import type { Fleet } from './fleet/fleet.js';
import type { RolloutPlan } from './fleet/rollout-plan.js';
import { planReconcile } from './provision/plan-reconcile.js';
import type { TenantEvents } from './lifecycle/events/tenant-events.js';
import { makeReport } from './query/make-report.js';
import type { Report } from './query/report.js';
import type { ReportOptions } from './query/report-options.js';
import type { AdoptConfig } from './adopt/adopt-config.js';
import { Adoption } from './adopt/adoption.js';
import type { ReconcileReport } from './provision/reconcile-report.js';
import type { Tenants } from './lifecycle/tenants/tenants.js';
import type { TenantCopies } from './copies/tenant-copies.js';
import { ormOptions, type TenantOrmOptions } from './orms/mikro-orm/orm-options.js';
import { outsideTransaction } from './orms/mikro-orm/outside-transaction.js';
import { translateError } from './postgres/translate-error.js';
import { openTenancy } from './open-tenancy.js';
import type { Readiness } from './readiness.js';
import { requireOwner } from './require-owner.js';
import { runAsTenant } from './run-as-tenant.js';
import { resolveOptions, type TenancyOptions } from './options.js';

let readReadiness: (tenancy: Tenancy) => Readiness;

/** Tenancy in one process: runs code in scopes, and holds the connections, the catalog and the reconciler. */
export class Tenancy {
  readonly #parts: TenancyParts;
  /** A tenant's life: create, suspend, archive, restore, rename, erase. */
  readonly tenants: Tenants;
  /** What happens to tenants, told to this process's subscribers. */
  readonly events: TenantEvents;
  /** The tenants of a service as one: plans, rollouts, and code that runs in each of them. */
  readonly fleet: Fleet;
  /** Single tenants as a whole: export, import, clone. */
  readonly copies: TenantCopies;

  private constructor(parts: TenancyParts) {
    this.#parts = parts;
    this.tenants = parts.tenants;
    this.events = parts.events;
    this.fleet = parts.fleet;
    this.copies = parts.copies;
  }

  static {
    readReadiness = (tenancy) => tenancy.#parts.readiness;
  }

  /**
   * Connects to the database, prepares it where the owner role is at hand, and starts listening.
   *
   * @throws TenancyError when an option is wrong, the database cannot be reached, or the role that serves could read every tenant.
   * @example
   * const tenancy = await Tenancy.start({ url, service: 'inventory', migrations: { '000001-item': ItemMigration } });
   * const orm = await MikroORM.init(tenancy.orm({ entities: [Item] }));
   */
  static async start(options: TenancyOptions): Promise<Tenancy> {
    return new Tenancy(await openTenancy(resolveOptions(options)));
  }

  /** The tenants. */
  get catalog(): Catalog {
    return this.#parts.catalog;
  }

  /** Whether this process has tenant data of its own. */
  get hasTenantData(): boolean {
    return this.#parts.options.service !== undefined;
  }

  /**
   * Runs code as one tenant, also inside another scope, which is back afterwards. Not part of a transaction that is open
   * around it.
   *
   * @throws TenancyError when the tenant is not served: unknown, suspended, archived, not ready.
   * @example
   * const items = await tenancy.run('acme', () => em.find(Item, {}));
   */
  async run<T>(tenantId: string, fn: () => T | Promise<T>): Promise<T> {
    return runAsTenant(this.#parts.readiness, tenantId, fn);
  }

  /**
   * Runs code that sees the catalog and shared tables, and no tenant's data.
   *
   * @example
   * const tenants = await tenancy.runInCatalog(() => em.execute('select id, name from tenantry.tenant'));
   */
  async runInCatalog<T>(fn: () => T | Promise<T>): Promise<T> {
    return outsideTransaction(() => runInScope(catalogScope, async () => fn()));
  }

  /**
   * Keeps the scope this code runs in for a function that is called later and from elsewhere: a listener, a callback of a
   * library, a job. Each call has an EntityManager of its own and is part of no transaction; it does not ask again whether
   * the tenant is served, as {@link Tenancy.run} does.
   *
   * @example
   * emitter.on('imported', tenancy.bind((file: string) => readItems(file)));
   * @throws TenancyError `TENANCY_SCOPE_MISSING` at once, when there is no scope to keep.
   */
  bind<This, Args extends unknown[], Result>(
    fn: (this: This, ...args: Args) => Result,
  ): (this: This, ...args: Args) => Result {
    const scope = currentScope();
    if (!scope) throw new TenancyError('TENANCY_SCOPE_MISSING', { what: 'tenancy.bind()' });
    return function (...args) {
      return outsideTransaction(() => runInScope(scope, () => fn.apply(this, args)));
    };
  }

  /**
   * Runs one select in every selected tenant, each under its own role in a transaction that can write nothing, and merges
   * the rows. A tenant that fails is reported and stops no other. It runs beside the scope and the transaction that this
   * code is in.
   *
   * @example
   * const { rows } = await tenancy.report({ sql: 'select count(*) as items from item', selector: { labels: { tier: 'gold' } } });
   * @throws TenancyError `TENANCY_REPORT_INVALID`, `TENANCY_OPTION_INVALID`, `TENANCY_DATABASE_UNAVAILABLE`.
   */
  report(options: ReportOptions): Promise<Report> {
    const { database, options: own } = this.#parts;
    return makeReport(
      { pool: database.pool, database: database.target.database },
      { service: own.service, ...options },
    );
  }

  /**
   * The scope this code runs in, if any.
   *
   * @example
   * if (tenancy.current()?.kind === 'tenant') log('somebody is at work');
   */
  current(): Scope | undefined {
    return currentScope();
  }

  /**
   * The tenant scope this code runs in.
   *
   * @throws TenancyError `TENANCY_SCOPE_MISSING`, `TENANCY_SCOPE_NOT_TENANT`.
   * @example
   * const { id } = tenancy.require().tenant;
   */
  require(): TenantScope {
    return requireTenantScope('tenancy.require()');
  }

  /**
   * Completes a service's MikroORM options: one pool, every statement through the gate, the scope's EntityManager.
   *
   * @example
   * const orm = await MikroORM.init(tenancy.orm({ entities: [Item] }));
   */
  orm(options: TenantOrmOptions): Options {
    return ormOptions(this.#parts.database.pool, this.#parts.database.target.database, options);
  }

  /**
   * Brings every tenant of every service to head, and says what it did.
   *
   * @throws TenancyError `TENANCY_OWNER_REQUIRED`, `TENANCY_DATABASE_UNAVAILABLE`.
   * @example
   * const { failures } = await tenancy.reconcile();
   * for (const { tenant, reason } of failures) log(`${tenant}: ${reason}`);
   */
  async reconcile(): Promise<ReconcileReport> {
    const { reconciler, catalog } = this.#parts;
    const report = await requireOwner(reconciler, 'reconcile()').run();
    catalog.forget();
    return report;
  }

  /**
   * What {@link Tenancy.reconcile} would do now, as a plan for each service; changes nothing.
   *
   * @throws TenancyError `TENANCY_OWNER_REQUIRED`, `TENANCY_DATABASE_UNAVAILABLE`.
   * @example
   * for (const { service, total } of await tenancy.planReconcile()) log(`${service}: ${total} tenants`);
   */
  async planReconcile(): Promise<readonly RolloutPlan[]> {
    const { database, options } = this.#parts;
    const owner = requireOwner(database.owner, 'planReconcile()');
    try {
      return await planReconcile(owner, options.largeTableRows);
    } catch (error) {
      throw translateError(error) ?? error;
    }
  }

  /**
   * Takes shared tables with a tenant column apart into the tenant schemas of a service.
   *
   * @throws TenancyError `TENANCY_OWNER_REQUIRED`.
   * @example
   * const adoption = await tenancy.adoption({
   *   service: 'inventory',
   *   tenants: { table: 'company', id: 'id', name: 'name' },
   *   tables: [{ table: 'item', tenant: 'company_id' }],
   * });
   * const plan = await adoption.plan();
   */
  async adoption(config: AdoptConfig): Promise<Adoption> {
    const { owner, service, shipped, lockTimeoutMs, provision } = await this.#parts.contexts.named(config.service);
    const { shared } = this.#parts.options;
    const ships = {
      ...shipped,
      sharedSchemas: [...new Set([...shipped.sharedSchemas, ...(shared ? [shared.schema] : [])])],
    };
    return new Adoption({ owner, service, ships, lockTimeoutMs, provision }, config);
  }

  /**
   * Connections of this process, for gauges.
   *
   * @example
   * const { total, waiting } = tenancy.connections();
   */
  connections(): { total: number; idle: number; waiting: number; owner: number; listening: boolean } {
    const { pool, owner } = this.#parts.database;
    const { totalCount: total, idleCount: idle, waitingCount: waiting } = pool;
    return { total, idle, waiting, owner: owner?.totalCount ?? 0, listening: this.#parts.background.listening };
  }

  /**
   * Closes all connections, after what is under way.
   *
   * @example
   * process.once('SIGTERM', () => void tenancy.stop());
   */
  stop(): Promise<void> {
    return this.#parts.background.stop();
  }
}

/**
 * For the glue of a framework, which asks at every request; no entry point exports it. Users have {@link Tenancy.run}.
 */
export function readinessOf(tenancy: Tenancy): Readiness {
  return readReadiness(tenancy);
}
