import type pg from 'pg';
import { TenancyError } from '../../errors/tenancy-error.js';
import { sendFlight } from '../../postgres/flight.js';
import { lockNames } from '../../postgres/lock-names.js';
import { one } from '../../postgres/one.js';
import type { Querier } from '../../postgres/querier.js';
import { quoteIdentifier } from '../../postgres/quote.js';
import { takeLock } from '../../postgres/take-lock.js';
import { tenantStatuses } from '../../tenant/tenant.js';
import type { JsonObject, OperationDefinition, OperationStep } from '../operations/operation-step.js';
import { writeEvent } from '../operations/write-event.js';
import { closeSchemas } from './close-schemas.js';
import { dropBatches, dropStatement } from './drop-plan.js';
import { dropRole } from './drop-role.js';
import { findDependent } from './find-dependent.js';
import { readDroppables } from './read-droppables.js';
import { eraseRows, readTenantColumns } from './tenant-rows.js';
import { lockSchemas, schemasOf, type TenantSchema } from './tenant-schemas.js';
import { requireStatus } from './tenant-status-step.js';

/**
 * From here on nobody is let in and nobody provisions. The step has no way back: a tenant that is being erased is not
 * served again.
 */
const stopServing: OperationStep = {
  name: 'stop-serving',
  async apply({ client, tenant, keep }) {
    await lockSchemas(client, [tenant]);
    // Counted now: a later step may be interrupted when half of them are gone.
    const schemas = (await schemasOf(client, tenant)).map(({ schema }) => schema);
    let tables = 0;
    for (const schema of schemas)
      tables += (await readDroppables(client, schema)).filter(({ word }) => word === 'table').length;
    keep({ schemas, tables });
    await client.query(
      `update tenantry.tenant set status = 'deleted', erase_after = coalesce(erase_after, now()), updated_at = now()
        where id = $1 and (status <> 'deleted' or erase_after is null)`,
      [tenant],
    );
  },
};

/** Table by table, many transactions: one for all would take more locks than a server has. */
const dropTables: OperationStep = {
  name: 'drop-tables',
  outside: true,
  async apply({ client, tenant, inTransaction, progress }) {
    const schemas = await schemasOf(client, tenant);
    // Checked again, because a dependent may have been made since the operation began.
    await requireAlone(client, tenant, schemas);
    for (const { schema } of schemas) {
      const items = await readDroppables(client, schema);
      let done = 0;
      for (const batch of dropBatches(items)) {
        await inTransaction((within) =>
          sendFlight(
            within,
            batch.map((item) => ({ text: dropStatement(item) })),
          ),
        );
        done += batch.length;
        progress(done, items.length);
      }
    }
  },
};

/** Each schema with its role and with what the catalog knows of it, so that the two always agree. */
const dropSchemas: OperationStep = {
  name: 'drop-schemas',
  outside: true,
  async apply({ client, tenant, inTransaction, keep }) {
    const keptRoles: string[] = [];
    const schemas = await schemasOf(client, tenant);
    for (const { schema, role } of schemas) {
      await inTransaction(async (within) => {
        // Two transactions that drop roles with a common member change the same row of PostgreSQL's catalog, and one
        // would fail.
        await within.query(takeLock(lockNames.roles(), 30_000).text);
        await requireAlone(within, tenant, schemas);
        await within.query(`drop schema if exists ${quoteIdentifier(schema)} cascade`);
        if (role !== null && !(await dropRole(within, role))) keptRoles.push(role);
        await within.query('delete from tenantry.ledger where schema_name = $1', [schema]);
        await within.query('delete from tenantry.tenant_schema where schema_name = $1', [schema]);
      });
    }
    keep({ keptRoles });
  },
};

const eraseSharedRows: OperationStep = {
  name: 'erase-shared-rows',
  outside: true,
  async apply({ client, tenant, inTransaction, keep, progress }) {
    const rows: Record<string, number> = {};
    const columns = await readTenantColumns(client);
    for (const [index, column] of columns.entries()) {
      rows[column.table] = (rows[column.table] ?? 0) + (await eraseRows(inTransaction, column, tenant));
      progress(index + 1, columns.length);
    }
    keep({ rows });
  },
};

/** The tenant is gone; what stays is the record that it was, and its id, which nobody gets again. */
const forget: OperationStep = {
  name: 'forget',
  async apply({ client, tenant, operation, facts }) {
    await client.query('delete from tenantry.rollout_failure where tenant_id = $1', [tenant]);
    await client.query('delete from tenantry.tenant where id = $1', [tenant]);
    await client.query('insert into tenantry.former_tenant (id) values ($1) on conflict (id) do nothing', [tenant]);
    const { rows } = await client.query<{ by: string }>('select session_user::text as by');
    const data: JsonObject = { ...facts, by: one(rows, 'select session_user').by };
    await writeEvent(client, { type: 'tenant.erased', tenant, operation, data });
  },
};

/** Erases a tenant: its schemas, its roles, its rows in shared tables. It goes forward only: the same command goes on. */
export const eraseTenant: OperationDefinition = {
  kind: 'erase',
  check: checkErase,
  steps: [stopServing, closeSchemas, dropTables, dropSchemas, eraseSharedRows, forget],
};

async function checkErase(client: pg.PoolClient, tenant: string): Promise<void> {
  await requireStatus(client, tenant, tenantStatuses);
  await requireAlone(client, tenant, await schemasOf(client, tenant));
}

/** @throws TenancyError `TENANCY_TENANT_ENTANGLED` when others would lose something. */
async function requireAlone(client: Querier, tenant: string, schemas: readonly TenantSchema[]): Promise<void> {
  const reason = await findDependent(
    client,
    schemas.map(({ schema }) => schema),
  );
  if (reason !== undefined) throw new TenancyError('TENANCY_TENANT_ENTANGLED', { tenant, reason });
}
