import type pg from 'pg';
import { runCodeMigration } from '../migrations/run-code-migration.js';
import { TenancyError } from '../errors/tenancy-error.js';
import { type FlightError, sendFlight } from '../postgres/flight.js';
import type { Statement } from '../postgres/one-flight.js';
import { sqlstate, sqlstateOf } from '../postgres/sqlstate.js';
import { onConnection } from '../postgres/transaction.js';
import { type Batch, enterSchema, openBatch, runBatch } from './batch-statements.js';
import type { ServiceContext } from './service-context.js';
import { runOutside } from './run-outside.js';
import { tellingStatement } from './telling-statement.js';
import { tellHolders } from './tell-holders.js';
import type { WaitWatch } from './wait-watch.js';

/**
 * Takes the tenants of one batch from one head to another, all or none: the ledger commits with the DDL. A batch whose
 * migrations are statements is one round trip; one with code, or with statements outside a transaction, has one tenant.
 *
 * @param watch - Looks while one tenant alone waits; a batch gives up soon and is cut.
 * @throws What PostgreSQL said; nothing is left of the batch then, except for what ran outside a transaction.
 */
export async function migrateBatch(
  context: ServiceContext,
  batch: Batch,
  lockTimeoutMs: number,
  watch: WaitWatch,
): Promise<void> {
  const [schema] = batch.schemas;
  for (const migration of batch.direction === 'up' ? batch.migrations : []) {
    // It runs before the ledger is written. After a crash in between, the next run finds it done and goes on.
    if (migration.kind === 'outside' && schema !== undefined) await runOutside(context, schema, migration, watch);
  }
  const opening = openBatch(batch, { lockTimeoutMs, statementTimeoutMs: context.statementTimeoutMs });
  const kinds = new Set(batch.direction === 'up' ? batch.migrations.map(({ kind }) => kind) : []);
  const run = async (client: pg.PoolClient) => {
    if (kinds.has('code')) {
      await sendGuarded(client, opening, []);
      await runOne(context, client, batch);
      await client.query('commit');
    } else await sendGuarded(client, opening, [...(kinds.has('outside') ? [] : runBatch(batch)), { text: 'commit' }]);
  };
  if (schema === undefined || batch.schemas.length > 1) return onConnection(context.owner, run);
  return onConnection(context.owner, (client) => watch.during(client, lockTimeoutMs, () => run(client)), {
    afterFailure: (client, error) => tellHolders(client, schema, error),
  });
}

/** Somebody else moved a tenant of the batch between the plan and the lock; nothing was done. */
export class BatchMoved extends Error {
  override readonly name = 'BatchMoved';
}

/** Raised by `tenantry.open_batch`. */
const movedState = 'TNMVD';

async function sendGuarded(
  client: pg.PoolClient,
  opening: readonly Statement[],
  rest: readonly Statement[],
): Promise<void> {
  try {
    await sendFlight(client, [...opening, ...rest]);
  } catch (error) {
    const guards: (string | undefined)[] = [movedState, sqlstate.uniqueViolation];
    const at = (error as FlightError).statementIndex ?? opening.length;
    throw at < opening.length && guards.includes(sqlstateOf(error)) ? new BatchMoved() : error;
  }
}

async function runOne(context: ServiceContext, client: pg.PoolClient, batch: Batch): Promise<void> {
  const [schema = ''] = batch.schemas;
  const { service, classes, isolation } = context;
  await client.query(enterSchema(schema, batch.sharedSchemas).text);
  for (const { name, kind, statements } of batch.migrations) {
    if (kind === 'sql')
      await sendFlight(
        client,
        statements.map((text) => ({ text })),
      );
    else {
      const migrationClass = classes.get(name);
      if (!migrationClass) throw new TenancyError('TENANCY_MIGRATION_NEEDS_SERVICE', { service, migration: name });
      const role = isolation === 'role' ? schema : undefined;
      await tellingStatement(client, (telling) => runCodeMigration(migrationClass, { client: telling, role }));
    }
  }
}
