import { catalogExecutor } from './catalog/catalog-executor.js';
import { compose, type TenancyParts } from './compose.js';
import { openDatabase } from './database.js';
import { joinTenantRoles } from './isolation/join-tenant-roles.js';
import { requireSharedSchemas } from './isolation/require-shared-schemas.js';
import { registerTenantRows } from './lifecycle/tenants/tenant-rows.js';
import { compileMigrations } from './migrations/compile-migrations.js';
import { migrateShared } from './migrations/migrate-shared.js';
import { registerService } from './migrations/register-service.js';
import type { ResolvedOptions } from './options.js';
import { translateError } from './postgres/translate-error.js';

/** Opens the database, brings what this process ships to it, and starts. */
export async function openTenancy(options: ResolvedOptions): Promise<TenancyParts> {
  const { service, shared } = options;
  const migrations = service ? await compileMigrations(service, options.migrations) : [];
  const sharedMigrations = shared ? await compileMigrations(shared.schema, shared.migrations) : [];
  const database = await openDatabase(options);
  const shipped = { migrations, sharedSchemas: options.sharedSchemas, serviceRole: database.serviceRole };
  const parts = compose(options, database, shipped);
  try {
    const client = await database.owner?.connect();
    try {
      if (client && shared)
        await migrateShared(client, shared.schema, sharedMigrations, { ...shared, ...database }, options);
      if (client && service) {
        await registerService(client, service, shipped, shared ? [shared.schema] : []);
        if (migrations.some(({ kind }) => kind === 'code')) await joinTenantRoles(client, service);
      }
      const declaredBy = service ?? shared?.schema ?? 'tenantry';
      if (client && options.tenantRows) await registerTenantRows(client, declaredBy, options.tenantRows);
      await requireSharedSchemas(client ?? catalogExecutor(database.pool), options, database.serviceRole);
    } finally {
      client?.release();
    }
    await parts.background.start();
    return parts;
  } catch (error) {
    await parts.background.stop();
    throw translateError(error) ?? error;
  }
}
