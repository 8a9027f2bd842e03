import { admitTenant } from './catalog/admit-tenant.js';
import type { CachedCatalog } from './catalog/cached-catalog.js';
import { notify } from './catalog/notification.js';
import { currentScope } from './context/current-scope.js';
import type { Scope, TenantScope } from './context/scope.js';
import type { Database } from './database.js';
import { TenancyError } from './errors/tenancy-error.js';
import { migrateTenant } from './fleet/migrate-tenant.js';
import { goneTenant } from './gone-tenant.js';
import type { ShippedService } from './migrations/tenant-migration.js';
import type { ResolvedOptions } from './options.js';
import type { Provisioner } from './provision/provisioner.js';
import type { ServiceContexts } from './service-contexts.js';
import { type RoleName, schemaNameOf } from './tenant/schema-name.js';
import type { ServiceName } from './tenant/service-name.js';
import type { Tenant } from './tenant/tenant.js';
import type { TenantId } from './tenant/tenant-id.js';

/** What {@link Readiness} is made of. */
export interface ReadinessParts {
  readonly options: ResolvedOptions;
  readonly database: Database;
  readonly catalog: CachedCatalog;
  readonly contexts: ServiceContexts;
  readonly shipped: ShippedService;
  /** Where this process has the owner role. */
  readonly provisioner: Provisioner | undefined;
}

/**
 * Whether a tenant may be served now: it is there and active, it has a schema, and its head is one that this process serves.
 * What is missing is made first, where this process may.
 */
export class Readiness {
  readonly #parts: ReadinessParts;
  readonly #bringing = new Map<TenantId, Promise<void>>();
  readonly #toldAhead = new Set<string>();

  constructor(parts: ReadinessParts) {
    this.#parts = parts;
  }

  /**
   * The scope of a tenant that is served; provisions it when it has no schema yet and this process may.
   *
   * @throws TenancyError why it is not served: unknown, suspended, archived, not ready, behind.
   */
  async scopeOf(id: TenantId): Promise<TenantScope> {
    const { catalog, options } = this.#parts;
    if (!options.service)
      throw new TenancyError('TENANCY_OPTION_INVALID', { option: 'service', reason: 'a tenant scope needs it' });
    const { tenant, placement, head } = admitTenant(id, await catalog.find(id));
    if (placement) await this.#requireFit(tenant.id, head, options.service);
    return placement ? { kind: 'tenant', tenant, placement } : this.#provision(tenant, options.service);
  }

  /** The scope of a tenant, when it is known without asking the database. */
  knownScopeOf(id: TenantId): TenantScope | undefined {
    const { catalog, options } = this.#parts;
    const { tenant, placement, head = null } = catalog.peek(id) ?? {};
    if (tenant?.status !== 'active' || !placement) return undefined;
    if (this.#standingOf(head, id) === 'behind' && options.onBehind !== 'serve') return undefined;
    return { kind: 'tenant', tenant, placement };
  }

  /**
   * Why a statement in a tenant's scope failed, when the reason is that the tenant is not served any more: it was archived,
   * renamed or erased while the code ran, and its role or its tables are gone.
   *
   * @returns The error to answer with; `undefined` when the failure has another reason, without asking where that is plain.
   */
  explain(error: unknown, scope: Scope | undefined = currentScope()): Promise<TenancyError | undefined> | undefined {
    if (scope?.kind !== 'tenant') return undefined;
    const { catalog, database } = this.#parts;
    return goneTenant(error, scope.tenant.id, catalog, database.pool);
  }

  async #requireFit(tenant: TenantId, head: string | null, service: ServiceName): Promise<void> {
    const { options, database } = this.#parts;
    const { onBehind } = options;
    if (this.#standingOf(head, tenant) !== 'behind' || onBehind === 'serve') return;
    if (onBehind === 'migrate' && database.owner) return this.#bringToHead(tenant, service);
    throw new TenancyError('TENANCY_TENANT_BEHIND', { tenant, service, head: head ?? 'none', onBehind });
  }

  /** How a tenant's head stands to what this process ships. A head that it does not know is newer: it says so, once each. */
  #standingOf(head: string | null, tenant: TenantId): 'at head' | 'behind' | 'ahead' {
    const { shipped, options } = this.#parts;
    const { migrations } = shipped;
    if (head === (migrations.at(-1)?.name ?? null)) return 'at head';
    if (head === null || migrations.some(({ name }) => name === head)) return 'behind';
    if (!this.#toldAhead.has(head)) {
      this.#toldAhead.add(head);
      options.logger?.warn(
        `Tenant ${tenant} is at "${head}", which this version does not know: it serves tables that are newer than its code.`,
      );
    }
    return 'ahead';
  }

  /** Brings one tenant to head. Requests that come meanwhile wait for the same migration. */
  async #bringToHead(tenant: TenantId, service: ServiceName): Promise<void> {
    const running = this.#bringing.get(tenant) ?? this.#bring(tenant, service);
    this.#bringing.set(tenant, running);
    await running;
  }

  async #bring(tenant: TenantId, service: ServiceName): Promise<void> {
    const { contexts, shipped, catalog } = this.#parts;
    try {
      await migrateTenant(contexts.of(service, shipped), tenant);
    } finally {
      this.#bringing.delete(tenant);
      catalog.forget(tenant);
    }
  }

  /** Makes a tenant's schema when a request is the first to need it. */
  async #provision(tenant: Tenant, service: ServiceName): Promise<TenantScope> {
    const { options, database, catalog, provisioner, shipped } = this.#parts;
    const { id } = tenant;
    if (!provisioner) {
      // A process with the owner role listens; the caller tries again in a moment.
      await notify(database.pool, 'wanted', [id]);
      throw new TenancyError('TENANCY_TENANT_NOT_READY', { tenant: id, of: ` for the service "${service}"` });
    }
    await provisioner.provision(id, service, shipped);
    catalog.forget(id);
    const schema = schemaNameOf(id, service);
    const role = options.isolation === 'role' ? schema : (database.serviceRole as RoleName);
    return { kind: 'tenant', tenant, placement: { service, database: database.target.database, schema, role } };
  }
}
