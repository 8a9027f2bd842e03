import { one } from '../postgres/one.js';
import type { Querier } from '../postgres/querier.js';
import { quoteIdentifier as q, quoteLiteral } from '../postgres/quote.js';
import type { CrossingKey } from './adoption-plan.js';
import type { TenantRow } from './decide-tenants.js';
import type { KeyCheck } from './key-checks.js';
import { type Layout, type Part, partAt } from './layout.js';
import { keyOf, sourceTable, tenantOf, withTenant } from './part-sql.js';
import type { UniqueChange } from './unique-changes.js';

/** Rows of one shared table with one value in the tenant column. */
export interface CountedRows {
  readonly part: number;
  readonly sourceId: string | null;
  readonly rows: number;
  /** Of the columns that must not be null in the tenant table, those that are, with how many rows. */
  readonly nulls: Readonly<Record<string, number>>;
}

/** The table with the tenants, and what the catalog has of them. @param known - Leaves out those of this adoption. */
export async function readTenantRows(client: Querier, { tenants }: Layout, known?: number): Promise<TenantRow[]> {
  const { schema, table, id, name, tenantId, idPrefix } = tenants;
  const { rows: there } = await client.query("select from pg_class where oid = to_regclass('tenantry.tenant')");
  const status =
    there.length > 0
      ? `(select c.status from tenantry.tenant c where c.id = ${quoteLiteral(idPrefix)} || t.${q(tenantId)}::text)`
      : 'null';
  const left =
    known === undefined
      ? ''
      : `where not exists (select from tenantry.adoption_tenant a where a.adoption_id = ${known} and a.source_id = t.${q(id)}::text)`;
  const { rows } = await client.query<TenantRow>(
    `select t.${q(id)}::text as "sourceId", t.${q(tenantId)}::text as "tenantId",
            t.${q(name ?? id)}::text as name, ${status} as status
       from ${q(schema)}.${q(table)} t ${left} order by t.${q(id)}`,
  );
  return rows;
}

/** Counts a shared table in one pass. @param mustHave - Columns that may be null here and not in the tenant table. */
export async function countRows(
  client: Querier,
  layout: Layout,
  part: Part,
  mustHave: readonly string[],
): Promise<CountedRows[]> {
  const nulls = mustHave.map((name) => `${quoteLiteral(name)}, count(*) filter (where s0.${q(name)} is null)`);
  const { rows } = await client.query<{ sourceId: string | null; rows: string; nulls: Record<string, number> }>(
    `select ${tenantOf(part)}::text as "sourceId", count(*) as rows, jsonb_build_object(${nulls.join(', ')}) as nulls
       from ${withTenant(layout, part, { join: 'left join' })} group by 1`,
  );
  return rows.map((row) => ({ ...row, rows: Number(row.rows), part: part.number }));
}

/** Rows whose foreign key finds nothing within their own tenant. */
export async function countCrossing(client: Querier, layout: Layout, check: KeyCheck): Promise<CrossingKey> {
  const { columns, toColumns, to, constraint } = check;
  const part = partAt(layout.parts, check.part);
  const parent = 'part' in to ? partAt(layout.parts, to.part) : undefined;
  const same = columns.map((column, at) => `p0.${q(toColumns[at] ?? '')} = s0.${q(column)}`);
  if (parent) same.push(`${tenantOf(parent, 'p')}::text = ${tenantOf(part)}::text`);
  const from = parent ? withTenant(layout, parent, { as: 'p' }) : 'schema' in to ? `${sourceTable(to)} p0` : '';
  const given = columns.map((column) => `s0.${q(column)} is not null`);
  const { rows } = await client.query<{ n: string; keys: unknown[][] }>(
    `select count(*) as n, coalesce(to_jsonb((array_agg(${keyOf(part, 's0')}))[1:3]), '[]') as keys from ${withTenant(layout, part)}
      where ${given.join(' and ')} and ${tenantOf(part)} is not null and not exists (select from ${from} where ${same.join(' and ')})`,
  );
  const name = parent ? parent.table : 'schema' in to ? `${to.schema}.${to.table}` : '';
  const { n, keys } = one(rows, `select count(*), … from ${part.table}`);
  return { table: part.table, constraint, to: name, rows: Number(n), examples: keys };
}

/** Groups of rows within one tenant that a new unique constraint would refuse. */
export async function countDuplicates(client: Querier, layout: Layout, change: UniqueChange): Promise<number> {
  const part = partAt(layout.parts, change.part);
  const columns = change.columns.map((name) => `s0.${q(name)}`);
  const { rows } = await client.query<{ n: string }>(
    `select count(*) as n from (select from ${withTenant(layout, part)}
       where ${columns.map((column) => `${column} is not null`).join(' and ')} and ${tenantOf(part)} is not null
       group by ${tenantOf(part)}, ${columns.join(', ')} having count(*) > 1) twice`,
  );
  return Number(one(rows, `select count(*) … from ${part.table}`).n);
}

/** Rows per second that this server writes into a table like the largest one, from a small sample that nobody keeps. */
export async function sampleSpeed(client: Querier, part: Part): Promise<number> {
  const most = 5000;
  await client.query('savepoint sample');
  try {
    await client.query(
      `create temporary table tenantry_sample (like ${sourceTable(part)} including indexes) on commit drop`,
    );
    const started = performance.now();
    const { rowCount } = await client.query(
      `insert into pg_temp.tenantry_sample select * from ${sourceTable(part)} limit ${most}`,
    );
    return ((rowCount ?? 0) / Math.max(1, performance.now() - started)) * 1000;
  } catch {
    // No right to make temporary tables, or a generated column: no sample.
    return 0;
  } finally {
    await client.query('rollback to savepoint sample');
  }
}
