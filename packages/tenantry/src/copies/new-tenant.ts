import type pg from 'pg';
import type { SqlExecutor } from '../catalog/catalog.js';
import { PostgresCatalog } from '../catalog/postgres-catalog.js';
import { TenancyError } from '../errors/tenancy-error.js';
import type { ServiceContext } from '../fleet/service-context.js';
import type { LedgerRow } from '../migrations/plan-migrations.js';
import type { ShippedService } from '../migrations/tenant-migration.js';
import { readFlight, sendFlight } from '../postgres/flight.js';
import { lockNames } from '../postgres/lock-names.js';
import { ownLockWaitMs, takeLock, tryLock } from '../postgres/take-lock.js';
import { sqlstate, sqlstateOf } from '../postgres/sqlstate.js';
import { type SchemaName, schemaNameOf } from '../tenant/schema-name.js';
import type { TenantStatus } from '../tenant/tenant.js';
import type { TenantId } from '../tenant/tenant-id.js';
import { lookAtSchema, type FoundSchema } from '../provision/look-at-schema.js';
import { planProvision } from '../provision/provision-plan.js';
import { readContents, type SchemaContents } from './rows/read-tables.js';
import { takeSteps } from '../provision/take-steps.js';
import { closeSchemasOf } from '../lifecycle/tenants/close-schemas.js';
import { one } from '../postgres/one.js';

/** One service's part of a tenant that is made as a copy. */
export interface NewSchema {
  readonly context: ServiceContext;
  /** Its migrations as far as the original's ledger goes. */
  readonly shipped: ShippedService;
}

/** A tenant that is made as a copy of another. */
export interface NewTenant {
  readonly id: TenantId;
  readonly name: string;
  readonly status: TenantStatus;
  readonly labels: Readonly<Record<string, unknown>>;
  readonly schemas: readonly NewSchema[];
}

/** A tenant schema that was made, with tables that still have the rows of its migrations only. */
export interface MadeSchema extends SchemaContents {
  readonly service: string;
  readonly schema: SchemaName;
  readonly sharedSchemas: readonly string[];
}

/**
 * Makes a tenant and its schemas, each up to the ledger of its original, in an open transaction. Its row comes first: from
 * then on nobody else can make that tenant.
 *
 * @throws TenancyError `TENANCY_TENANT_EXISTS`, `TENANCY_TENANT_BUSY`, `TENANCY_SCHEMA_TAKEN`, `TENANCY_MIGRATION_NEEDS_SERVICE`.
 */
export async function makeTenant(client: pg.ClientBase, tenant: NewTenant): Promise<MadeSchema[]> {
  const { id, schemas } = tenant;
  await client.query("set local search_path to ''");
  const { rows: locks } = await client.query<{ mine: boolean }>(tryLock(lockNames.operation(id)).text);
  if (!one(locks, 'the lock of a tenant').mine) throw new TenancyError('TENANCY_TENANT_BUSY', { tenant: id });
  await insertTenant(client, tenant);
  const { rows } = await client.query<{ version: number }>(
    "select current_setting('server_version_num')::int as version",
  );
  const { version } = one(rows, "select current_setting('server_version_num')");
  const made: MadeSchema[] = [];
  for (const schema of schemas) made.push(await makeSchema(client, id, schema, version));
  if (tenant.status === 'archived') await closeSchemasOf(client, id);
  return made;
}

/** When another transaction is inserting the same id, this waits for it, and fails if that one commits. */
async function insertTenant(client: pg.ClientBase, { id, name, status, labels }: NewTenant): Promise<void> {
  const within: SqlExecutor = {
    execute: async (sql, params = []) => {
      let position = 0;
      return (
        await client.query(
          sql.replaceAll('?', () => `$${++position}`),
          params,
        )
      ).rows;
    },
  };
  try {
    await new PostgresCatalog(client, '', undefined).create({ id, name }, within);
  } catch (error) {
    // In `repeatable read` a row that was committed since the snapshot is a serialization failure, and not a conflict
    // that `on conflict` would see.
    if (sqlstateOf(error) !== sqlstate.serializationFailure) throw error;
    throw new TenancyError('TENANCY_TENANT_EXISTS', { tenant: id }, { cause: error });
  }
  await client.query('update tenantry.tenant set status = $2, labels = $3 where id = $1', [
    id,
    status,
    JSON.stringify(labels),
  ]);
}

async function makeSchema(
  client: pg.ClientBase,
  tenant: TenantId,
  { context, shipped }: NewSchema,
  serverVersion: number,
): Promise<MadeSchema> {
  const { service, isolation, classes, lockTimeoutMs, statementTimeoutMs } = context;
  const schema = schemaNameOf(tenant, service);
  const results = await readFlight(client, [
    { text: `set local statement_timeout to ${statementTimeoutMs}` },
    { text: `set local lock_timeout to ${lockTimeoutMs}` },
    takeLock(lockNames.schema(schema), ownLockWaitMs(lockTimeoutMs)),
    lookAtSchema(schema, tenant),
  ]);
  const found = one((results.at(-1)?.rows ?? []) as FoundSchema[], 'what is there of a schema');
  const { steps } = planProvision({ ...shipped, isolation, serverVersion, tenant, service }, found);
  const path = [schema, ...shipped.sharedSchemas];
  const rest = await takeSteps(client, steps, { service, schema, path, isolation, classes });
  await sendFlight(client, [...rest, { text: 'reset role' }, { text: "set local search_path to ''" }]);
  const contents = await readContents(client, schema);
  return { ...contents, service, schema, sharedSchemas: shipped.sharedSchemas };
}

/** A service as far as a ledger goes. Pure. */
export function upToLedger(shipped: ShippedService, ledger: readonly LedgerRow[]): ShippedService {
  const ran = new Set(ledger.map(({ migration }) => migration));
  return { ...shipped, migrations: shipped.migrations.filter(({ name }) => ran.has(name)) };
}
