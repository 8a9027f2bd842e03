import type pg from 'pg';
import { TenancyError } from '../../errors/tenancy-error.js';
import { inLockedTransaction } from '../../postgres/in-locked-transaction.js';
import { lockNames } from '../../postgres/lock-names.js';
import { one } from '../../postgres/one.js';
import type { Querier } from '../../postgres/querier.js';
import { quoteIdentifier } from '../../postgres/quote.js';
import { sqlstate, sqlstateOf } from '../../postgres/sqlstate.js';

/** As `TenancyOptions.tenantRows` declares them. */
export interface DeclaredRows {
  readonly table: string;
  readonly column: string;
}

/** A declared column that the database has. */
export interface TenantColumn {
  /** Quoted, ready for SQL. */
  readonly table: string;
  readonly column: string;
  readonly type: string;
}

/** Most rows of one transaction. */
const batchMax = 5000;

/**
 * Tells the catalog which rows of shared tables are a tenant's, so that any process can erase them.
 *
 * @param declaredBy - The service, or the shared schema of a process without one; what it declared before is replaced.
 * @throws TenancyError `TENANCY_OPTION_INVALID` when there is no such column.
 */
export function registerTenantRows(
  owner: pg.ClientBase,
  declaredBy: string,
  declared: readonly DeclaredRows[],
): Promise<void> {
  return inLockedTransaction(owner, lockNames.tenantRows(declaredBy), async () => {
    await owner.query('delete from tenantry.tenant_rows where owner = $1', [declaredBy]);
    for (const [position, { table, column }] of declared.entries()) {
      const [schema, name] = splitTable(table);
      await owner.query('insert into tenantry.tenant_rows values ($1, $2, $3, $4, $5)', [
        declaredBy,
        position,
        schema,
        name,
        column,
      ]);
    }
    const found = await tenantColumns(owner, declaredBy);
    const missing = declared[found.findIndex((each) => each === undefined)];
    if (missing) {
      const reason = `there is no column "${missing.column}" in a table ${missing.table}`;
      throw new TenancyError('TENANCY_OPTION_INVALID', { option: 'tenantRows', reason });
    }
  });
}

function splitTable(table: string): [string, string] {
  const [schema, name, ...more] = table.split('.');
  if (schema && name && more.length === 0) return [schema, name];
  const reason = `"${table}" is not a table with its schema, such as billing.invoice`;
  throw new TenancyError('TENANCY_OPTION_INVALID', { option: 'tenantRows', reason });
}

/** The declared columns of all services, in the order in which each declared its own; those that are gone are left out. */
export async function readTenantColumns(client: Querier): Promise<TenantColumn[]> {
  return (await tenantColumns(client, null)).filter((column) => column !== undefined);
}

async function tenantColumns(client: Querier, declaredBy: string | null): Promise<(TenantColumn | undefined)[]> {
  const { rows } = await client.query<{ schema: string; table: string; column: string; type: string | null }>(
    `select table_schema as schema, table_name as table, column_name as column, format_type(a.atttypid, a.atttypmod) as type
       from tenantry.tenant_rows d
       left join pg_attribute a on a.attname = d.column_name and a.attnum > 0 and not a.attisdropped
            and a.attrelid = to_regclass(quote_ident(d.table_schema) || '.' || quote_ident(d.table_name))
      where $1::text is null or owner = $1 order by owner, position`,
    [declaredBy],
  );
  return rows.map(({ schema, table, column, type }) =>
    type === null
      ? undefined
      : { table: `${quoteIdentifier(schema)}.${quoteIdentifier(table)}`, column: quoteIdentifier(column), type },
  );
}

/**
 * Erases a tenant's rows in one shared table, a batch per transaction.
 *
 * @returns How many there were.
 */
export async function eraseRows(
  inTransaction: <T>(fn: (client: pg.PoolClient) => Promise<T>) => Promise<T>,
  { table, column }: TenantColumn,
  tenant: string,
): Promise<number> {
  for (let erased = 0; ;) {
    // Asked twice for the tenant: in a partitioned table a ctid is not unique.
    const deleted = await inTransaction(async (client) => {
      const { rowCount } = await client.query(
        `delete from ${table} where ${column} = $1 and ctid = any(array(select ctid from ${table} where ${column} = $1 limit ${batchMax}))`,
        [tenant],
      );
      return rowCount ?? 0;
    }).catch((error: unknown) => {
      // The column is of a type such as uuid, and the tenant's id has no such form. Then no row can be the tenant's.
      if (sqlstateOf(error) === sqlstate.invalidTextRepresentation) return 0;
      throw error;
    });
    erased += deleted;
    if (deleted === 0) return erased;
  }
}

/** Of the declared columns, those that can hold this id: in the others no row can be the tenant's. In a transaction. */
export async function columnsFor(
  client: Querier,
  columns: readonly TenantColumn[],
  id: string,
): Promise<TenantColumn[]> {
  const fitting: TenantColumn[] = [];
  for (const column of columns) {
    await client.query('savepoint fits');
    try {
      // A cast to varchar(10) would silently cut the id, so the result is compared with the id itself.
      const { rows } = await client.query<{ fits: boolean }>(
        `select cast($1::text as ${column.type})::text = $1 as fits`,
        [id],
      );
      if (one(rows, 'select cast(…) = …').fits) fitting.push(column);
    } catch (error) {
      if (!sqlstateOf(error)?.startsWith('22')) throw error;
      await client.query('rollback to savepoint fits');
    }
  }
  return fitting;
}

/** Makes a tenant's rows follow it to another id; in the caller's transaction. */
export async function moveRows(
  client: Querier,
  columns: readonly TenantColumn[],
  from: string,
  to: string,
): Promise<void> {
  for (const { table, column } of columns)
    await client.query(`update ${table} set ${column} = $2 where ${column} = $1`, [from, to]);
}
