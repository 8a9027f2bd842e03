import type pg from 'pg';
import { TenancyError } from '../errors/tenancy-error.js';
import type { IsolationMode } from '../isolation/scope-settings.js';
import { runStatements } from '../migrations/apply-statements.js';
import { runCodeMigration } from '../migrations/run-code-migration.js';
import type { MigrationClass } from '../migrations/tenant-migration.js';
import { sendFlight } from '../postgres/flight.js';
import type { Statement } from '../postgres/one-flight.js';
import type { ProvisionStep } from './provision-plan.js';

/** Where the steps of a provisioning are taken. */
export interface StepTarget {
  readonly service: string;
  readonly schema: string;
  /** The search path of its migrations. */
  readonly path: readonly string[];
  readonly isolation: IsolationMode;
  /** This process's migrations by name, for those that have code. */
  readonly classes: ReadonlyMap<string, MigrationClass>;
}

/**
 * Takes steps in an open transaction, in as few flights as the code in between allows.
 *
 * @returns The statements after the last code, not sent yet: they can travel with what comes next.
 * @throws TenancyError `TENANCY_MIGRATION_NEEDS_SERVICE`; what PostgreSQL said.
 */
export async function takeSteps(
  client: pg.ClientBase,
  steps: readonly ProvisionStep[],
  { service, schema, path, isolation, classes }: StepTarget,
): Promise<readonly Statement[]> {
  let flight: Statement[] = [];
  for (const step of steps) {
    if ('statements' in step) flight.push(...step.statements);
    else {
      const migrationClass = classes.get(step.code);
      if (!migrationClass) throw new TenancyError('TENANCY_MIGRATION_NEEDS_SERVICE', { service, migration: step.code });
      await sendFlight(client, [...flight, ...runStatements(path, [])]);
      await runCodeMigration(migrationClass, { client, role: isolation === 'role' ? schema : undefined });
      flight = [];
    }
  }
  return flight;
}
