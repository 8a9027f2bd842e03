import type pg from 'pg';
import { sharedGrants, tenantReadGrants } from '../isolation/grants.js';
import { inLockedTransaction } from '../postgres/in-locked-transaction.js';
import { lockNames } from '../postgres/lock-names.js';
import { inOneFlight } from '../postgres/one-flight.js';
import { quoteIdentifier } from '../postgres/quote.js';
import { addsEnumValue } from './adds-enum-value.js';
import { applyStatements } from './apply-statements.js';
import { type LedgerRow, planMigrations } from './plan-migrations.js';
import type { CompiledMigration } from './tenant-migration.js';

/** Milliseconds; 0 is no limit. */
interface SharedLimits {
  readonly lockTimeoutMs: number;
  readonly migrationTimeoutMs: number;
}

/**
 * Brings a schema that all tenants share to head: the same migrations and ledger as a tenant schema, once per database.
 *
 * @param owner - A connection of the owner role with `pipeline: true`, outside a transaction.
 * @param access - The role that reads and writes its tables, and whether tenants may read them.
 * @returns Names of the migrations that ran.
 */
export async function migrateShared(
  owner: pg.ClientBase,
  schema: string,
  migrations: readonly CompiledMigration[],
  access: { readonly catalogRole: string; readonly readableByTenants: boolean },
  { lockTimeoutMs, migrationTimeoutMs }: SharedLimits,
): Promise<readonly string[]> {
  const ran: string[] = [];
  for (let more = true; more;) {
    await inLockedTransaction(
      owner,
      lockNames.shared(schema),
      async () => {
        await owner.query(`set local lock_timeout to ${lockTimeoutMs}`);
        await owner.query(`set local statement_timeout to ${migrationTimeoutMs}`);
        const { rows } = await owner.query<LedgerRow>(
          'select migration, checksum from tenantry.ledger where schema_name = $1',
          [schema],
        );
        const pending = planMigrations(schema, migrations, rows);
        const together = untilNewEnumValue(pending);
        const prepare = [
          `create schema if not exists ${quoteIdentifier(schema)}`,
          ...sharedGrants(schema, access.catalogRole),
        ];
        if (access.readableByTenants) prepare.push(...tenantReadGrants(schema));
        await inOneFlight(owner, [
          ...prepare.map((text) => ({ text })),
          ...applyStatements(schema, [schema], together),
        ]);
        ran.push(...together.map(({ name }) => name));
        more = together.length < pending.length;
      },
      // Waits for another process that runs the same migrations, as long as these may take.
      migrationTimeoutMs || 600_000,
    );
  }
  return ran;
}

/** What may run in one transaction: nobody may use a new value of an enum before that has ended. */
function untilNewEnumValue(pending: readonly CompiledMigration[]): readonly CompiledMigration[] {
  const last = pending.findIndex(({ statements }) => addsEnumValue(statements));
  return last < 0 ? pending : pending.slice(0, last + 1);
}
