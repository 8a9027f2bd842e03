import type pg from 'pg';
import { TenancyError } from './errors/tenancy-error.js';
import type { ServiceContext } from './fleet/service-context.js';
import { readService } from './migrations/read-service.js';
import type { MigrationClass, ShippedService } from './migrations/tenant-migration.js';
import type { ResolvedOptions } from './options.js';
import type { Provisioner } from './provision/provisioner.js';
import { requireOwner } from './require-owner.js';
import { parseServiceName, type ServiceName } from './tenant/service-name.js';

/** What {@link ServiceContexts} are made of. */
export interface ServiceContextsParts {
  readonly options: ResolvedOptions;
  /** What this process ships of its own service, and the code in it. */
  readonly shipped: ShippedService;
  readonly classes: ReadonlyMap<string, MigrationClass>;
  /** Where this process has the owner role. */
  readonly owned: { readonly owner: pg.Pool; readonly provisioner: Provisioner } | undefined;
}

/** Puts together what a service's tenants are worked on with: this process's own service, or any that the catalog knows. */
export class ServiceContexts {
  readonly #parts: ServiceContextsParts;

  constructor(parts: ServiceContextsParts) {
    this.#parts = parts;
  }

  /**
   * Of a service with what it ships.
   *
   * @throws TenancyError `TENANCY_OWNER_REQUIRED`.
   */
  of(service: ServiceName, shipped: ShippedService): ServiceContext {
    const { options, classes, owned } = this.#parts;
    const { owner, provisioner } = requireOwner(owned, 'A rollout');
    return {
      owner,
      isolation: options.isolation,
      service,
      shipped,
      classes: service === options.service ? classes : new Map(),
      lockTimeoutMs: options.lockTimeoutMs,
      outsideWaitMs: options.outsideWaitMs,
      statementTimeoutMs: options.migrationTimeoutMs,
      largeTableRows: options.largeTableRows,
      provision: async (tenant, head) => {
        await provisioner.provision(tenant, service, head === undefined ? shipped : upTo(shipped, head));
      },
    };
  }

  /**
   * Of a service by its name; without one, of this process's own.
   *
   * @throws TenancyError `TENANCY_OWNER_REQUIRED`, `TENANCY_OPTION_INVALID` where there is no name at all.
   */
  async named(name: string | undefined): Promise<ServiceContext> {
    const { options, shipped, owned } = this.#parts;
    const { owner } = requireOwner(owned, 'A rollout');
    const service = name === undefined ? options.service : parseServiceName(name);
    if (service === undefined) {
      throw new TenancyError('TENANCY_OPTION_INVALID', { option: 'service', reason: 'a rollout needs one' });
    }
    return this.of(service, service === options.service ? shipped : await readService(owner, service));
  }
}

/** A service as it was when one of its migrations was the newest. */
function upTo(shipped: ShippedService, head: string | null): ShippedService {
  const { migrations } = shipped;
  return { ...shipped, migrations: migrations.slice(0, migrations.findIndex(({ name }) => name === head) + 1) };
}
