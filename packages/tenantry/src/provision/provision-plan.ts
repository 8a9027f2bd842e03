import { TenancyError } from '../errors/tenancy-error.js';
import { fillSql } from '../drift/placeholders.js';
import { createSchema, grantSchema, reopenSchema } from '../isolation/create-schema.js';
import { addsEnumValue } from '../migrations/adds-enum-value.js';
import { recordMigrations, runStatements } from '../migrations/apply-statements.js';
import { type LedgerRow, planMigrations } from '../migrations/plan-migrations.js';
import { insideForm } from '../migrations/outside-statement.js';
import type { CompiledMigration } from '../migrations/tenant-migration.js';
import type { Statement } from '../postgres/one-flight.js';
import { schemaNameOf } from '../tenant/schema-name.js';
import type { ProvisionTarget } from './provision-target.js';
import { recordGrant, recordSchema } from './schema-statements.js';

/** A tenant schema as it is found, under its lock. */
export interface ActualSchema {
  /** The login that the schema was granted to; `null` when the catalog did not make it. */
  readonly grantedTo: string | null;
  readonly schemaExists: boolean;
  readonly roleExists: boolean;
  /** The role may log in, belongs to others or has rights here already: it is no tenant role. */
  readonly roleIsForeign: boolean;
  /** Its role may use the schema. */
  readonly usable: boolean;
  /** The login that it was granted to may switch to its role. */
  readonly granted: boolean;
  readonly ledger: readonly LedgerRow[];
}

/** What one provisioning does, as data. */
export interface ProvisionPlan {
  /** `granted`: the schema is at head, and was given to the service's new login. `repaired`: its role or its rights were lost. */
  readonly outcome: 'provisioned' | 'migrated' | 'granted' | 'repaired' | 'at-head';
  readonly migrations: readonly string[];
  /** For the middle of a transaction that holds the lock: statements, and where a migration has code, its name. */
  readonly steps: readonly ProvisionStep[];
}

/** Statements that travel together, or a migration whose code runs in this process. */
export type ProvisionStep = { readonly statements: readonly Statement[] } | { readonly code: string };

/**
 * Decides how to bring one tenant's schema to head. Pure.
 *
 * @throws TenancyError `TENANCY_SCHEMA_TAKEN`, `TENANCY_SCHEMA_LOST`, `TENANCY_MIGRATION_CHANGED`.
 */
export function planProvision(target: ProvisionTarget, actual: ActualSchema): ProvisionPlan {
  const { tenant, service, serviceRole, migrations } = target;
  const schema = schemaNameOf(tenant, service);
  const known = actual.grantedTo !== null;
  if (!known && (actual.schemaExists || actual.roleIsForeign))
    throw new TenancyError('TENANCY_SCHEMA_TAKEN', { schema });
  if (known && !actual.schemaExists) throw new TenancyError('TENANCY_SCHEMA_LOST', { schema });
  const behind = planMigrations(service, migrations, actual.ledger);
  // A tenant that is served already is migrated here only by what fits into this one transaction. Code, and what ends a
  // transaction, is left to the fleet.
  const isFleets = behind.some(({ kind, statements }) => kind !== 'sql' || addsEnumValue(statements));
  const pending = known && isFleets ? [] : behind;
  const regrant = known && actual.grantedTo !== serviceRole;
  const lost = known && !(actual.usable && (actual.granted || regrant));
  const outcome = outcomeOf({ known, lost, pending: pending.length > 0, regrant });
  const before = known
    ? lost
      ? reopenSchema(target, schema, actual.roleExists)
      : []
    : createSchema(target, schema, actual.roleExists);
  const after = [
    ...(regrant ? [...grantSchema(target, schema), recordGrant(schema, serviceRole)] : []),
    ...(!known || pending.length > 0 ? [recordSchema(target, schema)] : []),
  ];
  // A template is for a schema that is not there at all. A ledger without its row in the catalog was made by hand.
  const whole = !known && pending.length === migrations.length && target.template !== undefined;
  const made = whole ? templateSteps(target, schema, pending) : migrationSteps(target, schema, pending);
  const steps = [{ statements: before }, ...made, { statements: after }];
  return { outcome, migrations: pending.map(({ name }) => name), steps };
}

function outcomeOf(found: {
  known: boolean;
  lost: boolean;
  pending: boolean;
  regrant: boolean;
}): ProvisionPlan['outcome'] {
  if (!found.known) return 'provisioned';
  if (found.lost) return 'repaired';
  if (found.pending) return 'migrated';
  return found.regrant ? 'granted' : 'at-head';
}

/** A template has the effect of all migrations, so all of them go into the ledger. */
function templateSteps(
  target: ProvisionTarget,
  schema: string,
  pending: readonly CompiledMigration[],
): ProvisionStep[] {
  const { isolation, serviceRole, sharedSchemas, template = [] } = target;
  const names = { schema, tenant: isolation === 'role' ? schema : serviceRole, service: serviceRole, owner: '' };
  const statements = runStatements(
    [schema, ...sharedSchemas],
    template.map((text) => fillSql(text, names)),
  );
  return [{ statements }, { statements: recordMigrations(schema, pending) }];
}

function migrationSteps(
  { sharedSchemas }: ProvisionTarget,
  schema: string,
  pending: readonly CompiledMigration[],
): ProvisionStep[] {
  if (pending.length === 0) return [];
  const path = [schema, ...sharedSchemas];
  let entered = false;
  const steps = pending.map(({ name, kind, statements }): ProvisionStep => {
    const texts = kind === 'outside' ? insideForm(statements) : statements;
    const step = kind === 'code' ? { code: name } : { statements: runStatements(entered ? [] : path, texts) };
    entered = kind !== 'code' && texts.every(keepsPath);
    return step;
  });
  return [...steps, { statements: recordMigrations(schema, pending) }];
}

/**
 * Whether the search path is still the tenant's after a statement. Where it is, the next migration need not set it
 * again.
 */
function keepsPath(statement: string): boolean {
  return /^\s*(?:create\s+(?:unique\s+)?(?:table|index|type)|alter\s+table|drop\s+(?:table|index|type)|comment\s+on)\s/i.test(
    statement,
  );
}
