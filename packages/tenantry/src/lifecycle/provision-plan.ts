import { TenancyError } from '../errors/tenancy-error.js';
import { createSchema, grantSchema, type SchemaGrant } from '../isolation/create-schema.js';
import { applyStatements } from '../migrations/apply-statements.js';
import { type LedgerRow, planMigrations } from '../migrations/plan-migrations.js';
import type { ShippedService } from '../migrations/tenant-migration.js';
import type { Statement } from '../postgres/one-flight.js';
import { schemaNameOf } from '../tenant/schema-name.js';
import type { ServiceName } from '../tenant/service-name.js';
import type { TenantId } from '../tenant/tenant-id.js';
import { recordGrant, recordSchema } from './schema-statements.js';

/** A tenant schema as it is found, under its lock. */
export interface ActualSchema {
  /** The login that the schema was granted to; `null` when the catalog did not make it. */
  readonly grantedTo: string | null;
  readonly schemaExists: boolean;
  readonly roleExists: boolean;
  /** The role may log in, belongs to others or has rights here already: it is no tenant role. */
  readonly roleIsForeign: boolean;
  readonly ledger: readonly LedgerRow[];
}

/** What a provisioning is made for. */
export interface ProvisionTarget extends ShippedService, SchemaGrant {
  readonly tenant: TenantId;
  readonly service: ServiceName;
}

/** What one provisioning does, as data. */
export interface ProvisionPlan {
  /** `granted`: the schema is at head, and was given to the service's new login. */
  readonly outcome: 'provisioned' | 'migrated' | 'granted' | 'at-head';
  readonly migrations: readonly string[];
  /** For the middle of a transaction that holds the lock. */
  readonly statements: readonly Statement[];
}

/**
 * Decides how to bring one tenant's schema to head. Pure.
 *
 * @throws TenancyError `TENANCY_SCHEMA_TAKEN`, `TENANCY_SCHEMA_LOST`, `TENANCY_MIGRATION_CHANGED`.
 */
export function planProvision(target: ProvisionTarget, actual: ActualSchema): ProvisionPlan {
  const { tenant, service, serviceRole, sharedSchemas, migrations } = target;
  const schema = schemaNameOf(tenant, service);
  const known = actual.grantedTo !== null;
  if (!known && (actual.schemaExists || actual.roleIsForeign))
    throw new TenancyError('TENANCY_SCHEMA_TAKEN', { schema });
  if (known && !actual.schemaExists) throw new TenancyError('TENANCY_SCHEMA_LOST', { schema });
  const pending = planMigrations(service, migrations, actual.ledger);
  const regrant = known && actual.grantedTo !== serviceRole;
  const statements = [
    ...(known ? [] : createSchema(target, schema, actual.roleExists)),
    ...applyStatements(schema, [schema, ...sharedSchemas], pending),
    ...(regrant ? [...grantSchema(target, schema), recordGrant(schema, serviceRole)] : []),
    ...(!known || pending.length > 0 ? [recordSchema(target, schema)] : []),
  ];
  const outcome = !known ? 'provisioned' : pending.length > 0 ? 'migrated' : regrant ? 'granted' : 'at-head';
  return { outcome, migrations: pending.map(({ name }) => name), statements };
}
