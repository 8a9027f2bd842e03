import { TenancyError } from '../../errors/tenancy-error.js';
import type { ServiceContext } from '../../fleet/service-context.js';
import { type MadeSchema, type NewSchema, upToLedger } from '../new-tenant.js';
import type { ManifestService } from './manifest.js';

/**
 * Decides whether this database can take a file's service, and how far its migrations go there. Pure.
 *
 * @throws TenancyError `TENANCY_FILE_UNFIT` for migrations that are not known here, `TENANCY_MIGRATION_CHANGED`,
 * `TENANCY_MIGRATION_NEEDS_SERVICE`.
 */
export function planService(context: ServiceContext, { service, head, ledger }: ManifestService): NewSchema {
  const known = new Map(context.shipped.migrations.map((migration) => [migration.name, migration]));
  for (const { migration, checksum } of ledger) {
    const here = known.get(migration);
    if (!here) {
      const reason = `its migration ${JSON.stringify(migration)} of "${service}" is not known here; deploy the version that has it first`;
      throw new TenancyError('TENANCY_FILE_UNFIT', { reason });
    }
    if (here.checksum !== checksum)
      throw new TenancyError('TENANCY_MIGRATION_CHANGED', {
        service,
        migration,
        reason: 'is not the one that ran where the file comes from',
        remedy: 'Import it where that version of the service is deployed.',
      });
    if (here.kind === 'code' && !context.classes.has(migration))
      throw new TenancyError('TENANCY_MIGRATION_NEEDS_SERVICE', { service, migration });
  }
  const shipped = upToLedger(context.shipped, ledger);
  if ((shipped.migrations.at(-1)?.name ?? null) !== head)
    throw new TenancyError('TENANCY_FILE_UNFIT', {
      reason: `the head of its "${service}" is not its newest migration`,
    });
  return { context, shipped };
}

/**
 * Compares what the migrations made here with what the file has rows for. Pure.
 *
 * @throws TenancyError `TENANCY_FILE_UNFIT`.
 */
export function requireSameTables(file: ManifestService, made: MadeSchema): void {
  const unfit = (reason: string) => new TenancyError('TENANCY_FILE_UNFIT', { reason });
  const here = new Map(made.tables.map((table) => [table.name, table.columns]));
  for (const { name, columns } of file.tables) {
    const found = here.get(name);
    if (!found) throw unfit(`its table ${quoted(file, name)} is not what the same migrations make here`);
    if (!same(columns.map(described), found.map(described)))
      throw unfit(`the columns of its table ${quoted(file, name)} are different here`);
  }
  if (here.size !== file.tables.length) throw unfit(`the migrations of "${file.service}" make other tables here`);
  const sequences = file.sequences.map(({ name }) => name);
  if (!same(sequences, made.sequences)) throw unfit(`the migrations of "${file.service}" make other sequences here`);
}

function described({ name, type, generated }: { name: string; type: string; generated: boolean }): string {
  return JSON.stringify([name, type, generated]);
}

function quoted({ service }: ManifestService, name: string): string {
  return JSON.stringify(`${service}.${name}`);
}

function same(one: readonly string[], other: readonly string[]): boolean {
  return JSON.stringify(one.toSorted()) === JSON.stringify(other.toSorted());
}
