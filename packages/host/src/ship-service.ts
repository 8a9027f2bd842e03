import { Tenancy, type TenancyOptions } from 'tenantry';
import type { DatabaseConfig } from './database-config.js';
import { resolveDatabase } from './resolve-database.js';

/** Where a service's database is, as its configuration says. */
export interface ShipTarget {
  readonly database: DatabaseConfig;
  /** Where the embedded PostgreSQL keeps its data when no database is configured. */
  readonly dataDir: string;
}

/**
 * Brings what a service ships to its database: the catalog, its shared tables, and the migrations that every tenant gets. No
 * tenant is migrated by it.
 *
 * @param shipped - The same that the service itself starts with.
 */
export async function shipService(
  { database, dataDir }: ShipTarget,
  shipped: Pick<TenancyOptions, 'service' | 'migrations' | 'shared'>,
): Promise<void> {
  const { url, ownerUrl, stop } = await resolveDatabase(database, { dataDir });
  try {
    const reconcile = { automatic: false };
    const tenancy = await Tenancy.start({ ...shipped, url, ownerUrl, reconcile, logger: console });
    await tenancy.stop();
  } finally {
    await stop();
  }
}
