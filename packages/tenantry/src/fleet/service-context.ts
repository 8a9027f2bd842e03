import type pg from 'pg';
import type { IsolationMode } from '../isolation/scope-settings.js';
import type { MigrationClass, ShippedService } from '../migrations/tenant-migration.js';
import type { ServiceName } from '../tenant/service-name.js';
import type { TenantId } from '../tenant/tenant-id.js';

/** What a fleet is worked on with. */
export interface ServiceContext {
  /** Of the owner role; made with `pipeline: true`. */
  readonly owner: pg.Pool;
  readonly isolation: IsolationMode;
  readonly service: ServiceName;
  readonly shipped: ShippedService;
  /** The service's migration classes by name, where this process has them: code in them needs its class. */
  readonly classes: ReadonlyMap<string, MigrationClass>;
  /** Milliseconds that DDL of one tenant may wait for a lock, each time it is tried. */
  readonly lockTimeoutMs: number;
  readonly statementTimeoutMs: number;
  /** Milliseconds that a statement outside a transaction waits for transactions of others; 0 is no limit. */
  readonly outsideWaitMs: number;
  /** Rows from which a table is large. */
  readonly largeTableRows: number;
  /**
   * Makes the schema of a tenant that has none.
   *
   * @param head - The migration to end with; `null` for none. @default the service's head
   */
  provision(tenant: TenantId, head?: string | null): Promise<void>;
}
