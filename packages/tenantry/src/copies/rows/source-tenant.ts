import type pg from 'pg';
import { TenancyError } from '../../errors/tenancy-error.js';
import type { LedgerRow } from '../../migrations/plan-migrations.js';
import { lockNames } from '../../postgres/lock-names.js';
import { tryLock } from '../../postgres/take-lock.js';
import type { SchemaName } from '../../tenant/schema-name.js';
import type { ServiceName } from '../../tenant/service-name.js';
import type { TenantStatus } from '../../tenant/tenant.js';
import type { TenantId } from '../../tenant/tenant-id.js';
import { one } from '../../postgres/one.js';
import { nameIn, readContents, type RowTable, readSequences, type SchemaContents } from './read-tables.js';

/** One service's part of a tenant that is read. */
export interface SourceSchema extends SchemaContents {
  readonly service: ServiceName;
  readonly schema: SchemaName;
  readonly head: string | null;
  readonly sharedSchemas: readonly string[];
  readonly ledger: readonly LedgerRow[];
  /** Where each sequence stands. */
  readonly states: Awaited<ReturnType<typeof readSequences>>;
}

/** A tenant as it is at one moment, in the transaction that saw it. */
export interface SourceTenant {
  readonly id: TenantId;
  readonly name: string;
  readonly status: Exclude<TenantStatus, 'deleted'>;
  readonly labels: Readonly<Record<string, unknown>>;
  /** By name. */
  readonly schemas: readonly SourceSchema[];
}

const attemptsMax = 5;

/**
 * Opens a transaction that sees all schemas of a tenant at one moment. Its tables are locked before that moment, against
 * DDL only: a table that is rewritten meanwhile would look empty to it.
 *
 * @param access - `read write` to copy inside the database.
 * @throws TenancyError `TENANCY_TENANT_UNKNOWN`, `TENANCY_TENANT_NOT_READY` without any schema, `TENANCY_TENANT_BUSY`,
 * `TENANCY_SCHEMA_LOST`.
 */
export async function openSource(
  client: pg.ClientBase,
  id: TenantId,
  access: 'read only' | 'read write',
  lockTimeoutMs: number,
): Promise<SourceTenant> {
  for (let attempt = 1; ; attempt++) {
    const before = await tablesOf(client, id);
    await client.query(`begin isolation level repeatable read ${access}`);
    await client.query(`set local lock_timeout to ${lockTimeoutMs}; set local search_path to ''`);
    // In `repeatable read` the first query takes the snapshot, and `lock table` does not. So the locks come first.
    if (before.length > 0) await client.query(`lock table only ${before.join(', only ')} in access share mode`);
    const source = await readSource(client, id);
    const now = source.schemas.flatMap(({ schema, tables }) => tables.map(({ name }) => nameIn(schema, name)));
    if (sameNames(now, before)) return source;
    await client.query('rollback');
    if (attempt === attemptsMax) throw new Error(`the tables of "${id}" change all the time`);
  }
}

async function tablesOf(client: pg.ClientBase, id: TenantId): Promise<string[]> {
  const { rows } = await client.query<{ schema: string }>(
    'select schema_name as schema from tenantry.tenant_schema where tenant_id = $1 order by 1',
    [id],
  );
  const names: string[] = [];
  for (const { schema } of rows)
    for (const { name } of (await readContents(client, schema)).tables) names.push(nameIn(schema, name));
  return names;
}

function sameNames(before: readonly string[], now: readonly string[]): boolean {
  return JSON.stringify(before.toSorted()) === JSON.stringify(now.toSorted());
}

async function readSource(client: pg.ClientBase, id: TenantId): Promise<SourceTenant> {
  // Shared: several may copy the tenant at the same time, while nobody archives or erases it.
  const lock = tryLock(lockNames.operation(id), 'shared');
  const { rows: locks } = await client.query<{ mine: boolean }>(lock.text);
  if (!one(locks, 'the lock of a tenant').mine) throw new TenancyError('TENANCY_TENANT_BUSY', { tenant: id });
  const { rows } = await client.query<Omit<SourceTenant, 'schemas'>>(
    "select id, name, status, labels from tenantry.tenant where id = $1 and status <> 'deleted'",
    [id],
  );
  const [tenant] = rows;
  if (!tenant) throw new TenancyError('TENANCY_TENANT_UNKNOWN', { tenant: id });
  const { rows: found } = await client.query<Omit<SourceSchema, keyof SchemaContents | 'states'> & { there: boolean }>(
    `select service, schema_name as schema, x.head, shared_schemas as "sharedSchemas",
            exists (select from pg_namespace where nspname = schema_name) as there,
            coalesce((select json_agg(json_build_object('migration', l.migration, 'checksum', l.checksum) order by l.migration collate "C")
                        from tenantry.ledger l where l.schema_name = x.schema_name), '[]') as ledger
       from tenantry.tenant_schema x join tenantry.service s on s.name = x.service where tenant_id = $1 order by service collate "C"`,
    [id],
  );
  if (found.length === 0) throw new TenancyError('TENANCY_TENANT_NOT_READY', { tenant: id, of: '' });
  const schemas: SourceSchema[] = [];
  for (const { there, ...each } of found) {
    if (!there) throw new TenancyError('TENANCY_SCHEMA_LOST', { schema: each.schema });
    const contents = await readContents(client, each.schema);
    const [foreign] = contents.foreignTables;
    if (foreign !== undefined) throw new Error(`the rows of the foreign table "${foreign}" are not in this database`);
    schemas.push({ ...each, ...contents, states: await readSequences(client, each.schema, contents.sequences) });
  }
  return { ...tenant, schemas };
}

/** Every table of every service, in the order in which they are copied. */
export function tablesOfAll(source: SourceTenant): readonly (RowTable & { readonly of: SourceSchema })[] {
  return source.schemas.flatMap((of) => of.tables.map((table) => ({ ...table, of })));
}
