import type pg from 'pg';
import { TenancyError } from '../errors/tenancy-error.js';
import { inLockedTransaction } from '../postgres/in-locked-transaction.js';
import { lockNames } from '../postgres/lock-names.js';
import type { ServiceName } from '../tenant/service-name.js';
import { refuseUnfit } from './lint/refuse-unfit.js';
import type { CompiledMigration, ShippedService } from './tenant-migration.js';

/**
 * Tells the catalog what a service ships. From then on every process with the owner role can bring this service's tenants
 * to head. An older process that knows fewer migrations changes nothing.
 *
 * @param owner - A connection of the owner role, outside a transaction.
 * @param readable - Shared schemas that its migrations may refer to by name, besides those on their search path. @default none
 * @throws TenancyError `TENANCY_MIGRATION_CHANGED` when a migration differs from the registered one of that name or place;
 * `TENANCY_MIGRATION_UNFIT` when the lint calls a new one an error.
 */
export function registerService(
  owner: pg.ClientBase,
  service: ServiceName,
  shipped: ShippedService,
  readable: readonly string[] = [],
): Promise<void> {
  const { migrations, serviceRole, sharedSchemas } = shipped;
  return inLockedTransaction(owner, lockNames.service(service), async () => {
    const { rows } = await owner.query<{ name: string; checksum: string }>(
      'select name, checksum from tenantry.migration where service = $1 order by position',
      [service],
    );
    refuseChanged(service, rows, migrations);
    if (migrations.length < rows.length) return;
    if (migrations.length > rows.length)
      await refuseUnfit(
        service,
        { migrations, sharedSchemas: [...sharedSchemas, ...readable, ...(await readShared(owner))] },
        rows.length,
      );
    await owner.query(
      `insert into tenantry.service as s (name, head, service_role, shared_schemas) values ($1, $2, $3, $4)
       on conflict (name) do update set (head, service_role, shared_schemas) = (excluded.head, excluded.service_role, excluded.shared_schemas)
        where (s.head, s.service_role, s.shared_schemas) is distinct from (excluded.head, excluded.service_role, excluded.shared_schemas)`,
      [service, migrations.at(-1)?.name ?? null, serviceRole, sharedSchemas],
    );
    await keepMigrations(owner, service, migrations);
  });
}

/** Schemas with a ledger that are no tenant's: what some service shares. */
async function readShared(owner: pg.ClientBase): Promise<string[]> {
  const { rows } = await owner.query<{ schema: string }>(
    `select distinct schema_name as schema from tenantry.ledger l
      where not exists (select from tenantry.tenant_schema x where x.schema_name = l.schema_name)`,
  );
  return rows.map(({ schema }) => schema);
}

/** What a migration does never changes; how it is taken back may be written later. */
async function keepMigrations(
  owner: pg.ClientBase,
  service: ServiceName,
  migrations: readonly CompiledMigration[],
): Promise<void> {
  for (const [index, { name, checksum, kind, statements, down }] of migrations.entries()) {
    await owner.query(
      `insert into tenantry.migration as m (service, position, name, checksum, kind, statements, down) values ($1, $2, $3, $4, $5, $6, $7)
       on conflict (service, name) do update set down = excluded.down where m.down is distinct from excluded.down`,
      [service, index + 1, name, checksum, kind, statements, down],
    );
  }
}

/**
 * The error for a list of migrations that is not what the catalog knows.
 *
 * @param shipped - What the list has in the place of the registered one.
 */
export function migrationChanged(service: string, registered: string, shipped: string): TenancyError {
  return new TenancyError('TENANCY_MIGRATION_CHANGED', {
    service,
    migration: registered,
    reason:
      registered === shipped
        ? 'differs from the one of that name in the catalog'
        : `is in the catalog where this code has "${shipped}"`,
    remedy: 'Restore what was registered, and put the change into a new migration after all that are there.',
  });
}

function refuseChanged(
  service: string,
  registered: readonly { name: string; checksum: string }[],
  shipped: readonly CompiledMigration[],
): void {
  for (const [index, migration] of shipped.entries()) {
    const known = registered[index];
    if (known && (known.name !== migration.name || known.checksum !== migration.checksum))
      throw migrationChanged(service, known.name, migration.name);
  }
}
