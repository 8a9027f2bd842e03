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
    // What is more than statements is the fleet's, also for one tenant.
    if (stayAt === undefined) await migrateTenant(context, tenant);
  };
}
