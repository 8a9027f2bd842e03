import { TenancyError } from '../errors/tenancy-error.js';
import { applyStatements } from '../migrations/apply-statements.js';
import { type LedgerRow, planMigrations } from '../migrations/plan-migrations.js';
import type { CompiledMigration } from '../migrations/tenant-migration.js';
import type { Statement } from '../postgres/one-flight.js';
import { quoteIdentifier, quoteLiteral } from '../postgres/quote.js';
import type { IsolationMode } from '../isolation/scope-settings.js';
import { schemaNameOf } from '../tenant/schema-name.js';
import type { ServiceName } from '../tenant/service-name.js';
import type { TenantId } from '../tenant/tenant-id.js';

/** A tenant schema as it is found, under its lock. */
export interface ActualSchema {
  /** The catalog made it. */
  readonly known: boolean;
  readonly schemaExists: boolean;
  readonly roleExists: boolean;
  /** The role may log in, belongs to others or has rights here already: it is no tenant role. */
  readonly roleIsForeign: boolean;
  readonly ledger: readonly LedgerRow[];
}

/** What a provisioning is made for. */
export interface ProvisionTarget {
  readonly tenant: TenantId;
  readonly service: ServiceName;
  readonly serviceRole: string;
  readonly isolation: IsolationMode;
  readonly sharedSchemas: readonly string[];
  /** PostgreSQL's `server_version_num`. */
  readonly serverVersion: number;
}

/** What one provisioning does, as data. */
export interface ProvisionPlan {
  readonly outcome: 'provisioned' | 'migrated' | 'at-head';
  readonly migrations: readonly string[];
  /** For the middle of a transaction that holds the lock. */
  readonly statements: readonly Statement[];
}

/**
 * Decides how to bring one tenant's schema to head. Pure.
 *
 * @throws TenancyError `TENANCY_SCHEMA_TAKEN`, `TENANCY_SCHEMA_LOST`, `TENANCY_MIGRATION_CHANGED`.
 */
export function planProvision(target: ProvisionTarget, actual: ActualSchema, migrations: readonly CompiledMigration[]): ProvisionPlan {
  const { tenant, service } = target;
  const schema = schemaNameOf(tenant, service);
  if (!actual.known && (actual.schemaExists || actual.roleIsForeign)) throw new TenancyError('TENANCY_SCHEMA_TAKEN', { schema });
  if (actual.known && !actual.schemaExists) throw new TenancyError('TENANCY_SCHEMA_LOST', { schema });
  const pending = planMigrations(service, migrations, actual.ledger);
  const statements = [
    ...(actual.known ? [] : createSchema(target, schema, actual.roleExists)),
    ...applyStatements(schema, [schema, ...target.sharedSchemas], pending),
  ];
  const head = migrations.at(-1)?.name ?? null;
  if (!actual.known || pending.length > 0) statements.push(recordSchema(schema, target, head));
  const outcome = actual.known ? (pending.length > 0 ? 'migrated' : 'at-head') : 'provisioned';
  return { outcome, migrations: pending.map(({ name }) => name), statements };
}

function createSchema({ isolation, serviceRole, serverVersion }: ProvisionTarget, schema: string, roleExists: boolean): Statement[] {
  const name = quoteIdentifier(schema);
  const role = isolation === 'role' ? name : quoteIdentifier(serviceRole);
  // Before 16 the service role's own NOINHERIT does this.
  const terms = serverVersion >= 160_000 ? ' with inherit false, set true' : '';
  return [
    ...(isolation === 'role' && !roleExists ? [`create role ${name} nologin`] : []),
    ...(isolation === 'role' ? [`grant ${name} to ${quoteIdentifier(serviceRole)}${terms}`] : []),
    `create schema ${name}`,
    `grant usage on schema ${name} to ${role}`,
    `alter default privileges in schema ${name} grant select, insert, update, delete on tables to ${role}`,
    `alter default privileges in schema ${name} grant usage, select on sequences to ${role}`,
  ].map((text) => ({ text }));
}

function recordSchema(schema: string, { tenant, service, isolation, serviceRole }: ProvisionTarget, head: string | null): Statement {
  const role = isolation === 'role' ? schema : serviceRole;
  const values = [schema, tenant, service, role].map(quoteLiteral);
  return {
    text: `insert into tenantry.tenant_schema (schema_name, tenant_id, service, role_name, head)
           values (${values.join(', ')}, ${head === null ? 'null' : quoteLiteral(head)})
           on conflict (schema_name) do update set head = excluded.head`,
  };
}
