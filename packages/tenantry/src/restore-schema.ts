import { migrateTenant } from './fleet/migrate-tenant.js';
import type { BringToHead } from './lifecycle/tenants/restore-tenant.js';
import { readService } from './migrations/read-service.js';
import { requireOwner } from './require-owner.js';
import type { ServiceContexts } from './service-contexts.js';
import type pg from 'pg';

/** What restores one schema of a tenant: made anew where it is gone, then taken to head, or left where it was taken to. */
export function schemaRestorer(owner: pg.Pool | undefined, contexts: ServiceContexts): BringToHead {
  return async (tenant, service, stayAt) => {
    const context = contexts.of(service, await readService(requireOwner(owner, 'Restoring'), service));
    await context.provision(tenant, stayAt);
    // Migrations with code, or outside a transaction, are run by the fleet, for one tenant as well.
    if (stayAt === undefined) await migrateTenant(context, tenant);
  };
}
