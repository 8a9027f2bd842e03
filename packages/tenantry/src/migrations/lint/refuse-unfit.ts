import { TenancyError } from '../../errors/tenancy-error.js';
import type { CompiledMigration, ShippedService } from '../tenant-migration.js';
import { type KnownTables, tablesAfter } from './known-tables.js';
import type { LintFinding } from './lint-finding.js';
import { lintMigration } from './lint-migration.js';
import type { LintRuleId } from './lint-rules.js';

/** What reaches past the tenant whose schema it runs in. */
const walls: ReadonlySet<LintRuleId> = new Set(['qualified-name', 'leaves-tenant-schema']);
/** Rules that cannot be allowed, whatever the reason. */
const unallowable: ReadonlySet<LintRuleId> = new Set(['allow-without-reason', 'syntax-error', 'multiple-statements']);

/**
 * Refuses tenant migrations that the catalog does not have yet and the lint calls an error: nobody has to have asked the lint.
 * Where the catalog has nothing of the service there is no row either, so that only what reaches past the tenant counts: a
 * long history is registered whole in a new database.
 *
 * @param registered - How many of the migrations the catalog has.
 * @throws TenancyError `TENANCY_MIGRATION_UNFIT`.
 */
export async function refuseUnfit(
  service: string,
  { migrations, sharedSchemas }: Pick<ShippedService, 'migrations' | 'sharedSchemas'>,
  registered: number,
): Promise<void> {
  if (migrations.length <= registered) return;
  let before: KnownTables = new Map();
  for (const [index, migration] of migrations.entries()) {
    const { kind, statements } = migration;
    if (index >= registered) {
      const context = { tenant: true, sharedSchemas, before };
      const up = await lintMigration(statements, { ...context, kind });
      const down = await lintMigration(migration.down ?? [], { ...context, kind });
      refuse(service, migration, [
        ...up.filter(({ rule, level }) => walls.has(rule) || (registered > 0 && level === 'error')),
        // Of `down()` only what leaves the tenant is refused. Whether it is slow is checked when somebody runs it.
        ...down.filter(({ rule }) => walls.has(rule)),
      ]);
    }
    before = await tablesAfter(statements, before);
  }
}

function refuse(service: string, { name: migration }: CompiledMigration, findings: readonly LintFinding[]): void {
  const first = findings.find(({ rule }) => walls.has(rule)) ?? findings[0];
  if (!first) return;
  const { rule, message, sql } = first;
  const allow = `; or allow it in the statement: \`-- tenantry-allow ${rule}: <reason>\``;
  const more = findings.length > 1 ? ` (and ${findings.length - 1} more)` : '';
  const reason = `was not registered, because of "${sql.slice(0, 60)}": ${message}${unallowable.has(rule) ? '' : allow}${more}`;
  throw new TenancyError('TENANCY_MIGRATION_UNFIT', { service, migration, reason });
}
