import { TenancyError } from '../errors/tenancy-error.js';
import type { CompiledMigration } from './tenant-migration.js';

/** What the ledger says ran in one schema. */
export interface LedgerRow {
  readonly migration: string;
  readonly checksum: string;
}

/**
 * What is still to run in one schema, in order. Pure.
 *
 * @param service - For the error.
 * @throws TenancyError `TENANCY_MIGRATION_CHANGED` when a migration was edited after it ran here.
 */
export function planMigrations(
  service: string,
  migrations: readonly CompiledMigration[],
  ledger: readonly LedgerRow[],
): readonly CompiledMigration[] {
  const ran = new Map(ledger.map(({ migration, checksum }) => [migration, checksum]));
  return migrations.filter(({ name, checksum }) => {
    const before = ran.get(name);
    if (before !== undefined && before !== checksum)
      throw new TenancyError('TENANCY_MIGRATION_CHANGED', {
        service,
        migration: name,
        reason: 'is not the one that ran in this schema',
        remedy: 'Restore it as it was, and put the change into a new migration after it.',
      });
    return before === undefined;
  });
}
