import type { EntityManager } from '@mikro-orm/postgresql';
import type { Tenancy } from '../tenancy.js';
import { quoteIdentifier } from '../postgres/quote.js';
import { NotApplicable } from './not-applicable.js';

/** One side of the wall. */
export interface Side {
  readonly tenant: string;
  readonly schema: string;
  /** A table of this tenant, `"schema"."table"`, quoted. */
  readonly table: string;
  readonly tableOid: number;
}

/** Where attempts are made: from one tenant toward another. */
export interface Ground {
  readonly tenancy: Tenancy;
  readonly em: EntityManager;
  readonly from: Side;
  readonly to: Side;
  /** The table's name without its schema, quoted; both sides have it. */
  readonly table: string;
  /** A column of it that may be written, quoted. */
  readonly column: string;
}

interface TableRow {
  table: string;
  column: string;
  fromOid: unknown;
  toOid: unknown;
}

const findTable = `
  select c.relname as "table",
         (select attname from pg_attribute where attrelid = min(c.oid) and attnum > 0 and not attisdropped
             and attidentity = '' and attgenerated = '' order by attnum limit 1) as "column",
         max(c.oid) filter (where n.nspname = ?)::int8 as "fromOid", max(c.oid) filter (where n.nspname = ?)::int8 as "toOid"
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where n.nspname in (?, ?) and c.relkind = 'r'
   group by c.relname having count(*) = 2 order by c.relname`;

/**
 * Finds a table that both tenants have.
 *
 * @throws Error when one of the tenants is not served, or has no table.
 */
export async function prepareGround(tenancy: Tenancy, em: EntityManager, from: string, to: string): Promise<Ground> {
  if (from === to) throw new Error('The probe needs two different tenants.');
  const schemaOf = (tenant: string) => tenancy.run(tenant, () => tenancy.require().placement.schema as string);
  const schemas = [await schemaOf(from), await schemaOf(to)] as const;
  // Every role may read names in pg_catalog, so finding the table is not a crossing.
  const rows = await tenancy.run(from, () => em.fork().execute<TableRow[]>(findTable, [...schemas, ...schemas]));
  const found = rows.find(({ column }) => column !== null);
  if (!found) throw new Error(`The probe needs a table, and the tenants "${from}" and "${to}" have none in common.`);
  const table = quoteIdentifier(found.table);
  const side = (tenant: string, schema: string, oid: unknown): Side => {
    return { tenant, schema, table: `${quoteIdentifier(schema)}.${table}`, tableOid: Number(oid) };
  };
  const sides = { from: side(from, schemas[0], found.fromOid), to: side(to, schemas[1], found.toOid) };
  return { tenancy, em, ...sides, table, column: quoteIdentifier(found.column) };
}

/** Runs code as the tenant that tries, on an EntityManager of its own. */
export function inFrom<T>({ tenancy, em, from }: Ground, fn: (em: EntityManager) => Promise<T>): Promise<T> {
  return tenancy.run(from.tenant, () => fn(em.fork()));
}

/** Runs code as the other tenant. */
export function inTo<T>({ tenancy, em, to }: Ground, fn: (em: EntityManager) => Promise<T>): Promise<T> {
  return tenancy.run(to.tenant, () => fn(em.fork()));
}

/** Runs code in a transaction that is always rolled back. */
export async function rolledBack<T>(em: EntityManager, fn: (em: EntityManager) => Promise<T>): Promise<T> {
  const undo = Symbol('undo');
  let result: { value: T } | undefined;
  try {
    await em.transactional(async (inner) => {
      result = { value: await fn(inner) };
      throw undo;
    });
  } catch (error) {
    if (error !== undo) throw error;
  }
  if (!result) throw new NotApplicable('the transaction did not run');
  return result.value;
}

/** Whether rows of the other tenant are among those that a statement reads from `from`, a text for the FROM clause. */
export async function readsForeign(
  { to }: Ground,
  execute: (sql: string) => Promise<unknown>,
  from: string,
): Promise<string | undefined> {
  const rows = (await execute(`select tableoid::int8 as oid from ${from} limit 1000`)) as { oid: unknown }[];
  return rows.some(({ oid }) => Number(oid) === to.tableOid) ? `read ${to.table}` : undefined;
}
