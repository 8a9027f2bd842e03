import type pg from 'pg';
import { TenancyError } from '../../errors/tenancy-error.js';
import { one } from '../../postgres/one.js';
import type { Querier } from '../../postgres/querier.js';
import { quoteIdentifier } from '../../postgres/quote.js';
import { schemaNameOf } from '../../tenant/schema-name.js';
import type { TenantId } from '../../tenant/tenant-id.js';
import type { OperationDefinition } from '../operations/operation-step.js';
import { renameSchemas, tryRename } from './rename-schemas.js';
import { columnsFor, moveRows, readTenantColumns } from './tenant-rows.js';
import { lockSchemas, schemasOf, type TenantSchema } from './tenant-schemas.js';
import { requireStatus } from './tenant-status-step.js';

/** What a tenant is to be called. */
export type MoveParams = {
  /** The new id. */
  readonly to: TenantId;
  /** The new name. */
  readonly name?: string;
};

/** Gives a tenant another id: its schemas, its roles, its rows in the catalog and in shared tables, in one transaction. */
export const moveTenant: OperationDefinition<MoveParams> = {
  kind: 'rename',
  others: ({ to }) => [to],
  check: checkMove,
  steps: [
    {
      name: 'move',
      async apply({ client, tenant, params: { to, name }, keep }) {
        await lockSchemas(client, [tenant, to]);
        const schemas = await schemasOf(client, tenant);
        await client.query('set constraints tenantry.tenant_schema_tenant_id_fkey deferred');
        await renameSchemas(client, tenant, newNames(schemas, to));
        for (const { service, role } of schemas) {
          const target = quoteIdentifier(schemaNameOf(to, service));
          if (role !== null) await client.query(`alter role ${quoteIdentifier(role)} rename to ${target}`);
        }
        await moveCatalogRows(client, tenant, to, name ?? null);
        await moveRows(client, await columnsFor(client, await readTenantColumns(client), tenant), tenant, to);
        keep({ schemas: schemas.map(({ service }) => schemaNameOf(to, service)) });
      },
      async verify({ client, tenant, params: { to } }) {
        const { rows } = await client.query<{ schema: string }>(
          `select schema_name as schema from tenantry.tenant_schema
            where tenant_id = any($1) and (tenant_id = $2 or to_regnamespace(quote_ident(schema_name)) is null)`,
          [[tenant, to], tenant],
        );
        return rows[0] && `${rows[0].schema} is not where it should be`;
      },
    },
  ],
};

/** @throws TenancyError `TENANCY_TENANT_UNKNOWN`, `TENANCY_TENANT_EXISTS`, `TENANCY_TENANT_ID_INVALID`, `TENANCY_SCHEMA_TAKEN`, `TENANCY_TENANT_ENTANGLED`. */
async function checkMove(client: pg.PoolClient, tenant: TenantId, { to }: MoveParams): Promise<void> {
  await requireStatus(client, tenant, ['active', 'suspended', 'archived']);
  const taken = await client.query(
    'select from tenantry.tenant where id = $1 union all select from tenantry.former_tenant where id = $1',
    [to],
  );
  if (taken.rows.length > 0) throw new TenancyError('TENANCY_TENANT_EXISTS', { tenant: to });
  const columns = await columnsFor(client, await readTenantColumns(client), tenant);
  const fitting = await columnsFor(client, columns, to);
  const unfit = columns.find((column) => !fitting.includes(column));
  if (unfit) {
    // Shown only when it looks like a built-in type: the name of a service's own type could be anything.
    const form = /^[a-z ]+(?:\(\d+\))?$/.test(unfit.type) ? `, which is ${unfit.type}` : '';
    const rule = `has the form in which services keep it${form}`;
    throw new TenancyError('TENANCY_TENANT_ID_INVALID', { rule });
  }
  const schemas = await schemasOf(client, tenant);
  for (const schema of schemas) await checkSchema(client, tenant, to, schema);
  await tryRename(client, tenant, newNames(schemas, to));
}

function newNames(schemas: readonly TenantSchema[], to: TenantId): ReadonlyMap<string, string> {
  return new Map(schemas.map(({ schema, service }) => [schema, schemaNameOf(to, service)]));
}

async function checkSchema(
  client: pg.PoolClient,
  tenant: TenantId,
  to: TenantId,
  { service, role }: TenantSchema,
): Promise<void> {
  const target = schemaNameOf(to, service);
  const { rows } = await client.query<{ taken: boolean; elsewhere: string | null }>(
    `select exists (select from pg_namespace where nspname = $1) or exists (select from pg_roles where rolname = $1) as taken,
            (select datname from pg_shdepend d join pg_roles r on r.oid = d.refobjid join pg_database b on b.oid = d.dbid
              where d.refclassid = 'pg_authid'::regclass and r.rolname = $2 and datname <> current_database() limit 1) as elsewhere`,
    [target, role],
  );
  const { taken, elsewhere } = one(rows, 'select exists (…) as taken, …');
  if (taken) throw new TenancyError('TENANCY_SCHEMA_TAKEN', { schema: target });
  if (elsewhere) {
    const reason = `the database "${elsewhere}" has a tenant of the same id, which uses the role "${String(role)}" too`;
    throw new TenancyError('TENANCY_TENANT_ENTANGLED', { tenant, reason });
  }
}

async function moveCatalogRows(client: Querier, from: TenantId, to: TenantId, name: string | null): Promise<void> {
  await client.query(
    'update tenantry.tenant set id = $2, name = coalesce($3, name), updated_at = now() where id = $1',
    [from, to, name],
  );
  await client.query(
    `update tenantry.ledger l set schema_name = $2 || '_' || x.service from tenantry.tenant_schema x
      where x.tenant_id = $1 and l.schema_name = x.schema_name`,
    [from, to],
  );
  await client.query(
    `update tenantry.tenant_schema set tenant_id = $2, schema_name = $2 || '_' || service,
            role_name = case when role_name = schema_name then $2 || '_' || service else role_name end where tenant_id = $1`,
    [from, to],
  );
  await client.query('update tenantry.rollout_failure set tenant_id = $2 where tenant_id = $1', [from, to]);
  await client.query('update tenantry.former_tenant set became = $2 where became = $1', [from, to]);
  await client.query('insert into tenantry.former_tenant (id, became) values ($1, $2)', [from, to]);
}
