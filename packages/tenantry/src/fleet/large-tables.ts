import type { Querier } from '../postgres/querier.js';
import type { FleetTenant } from './fleet-tenant.js';

/** From so many rows on a table counts as large where nothing else is said. Building an index on it takes about 0.1 s. */
export const defaultLargeTableRows = 100_000;

/** Tenants with the same head, and the tables that matter to them. */
export interface TableQuestion {
  readonly tenants: readonly FleetTenant[];
  readonly tables: readonly string[];
}

/** A table that is large in some tenant: the largest there is of one question. */
export interface LargeTable {
  /** Position of the question. */
  readonly question: number;
  readonly table: string;
  readonly schema: string;
  /** As PostgreSQL estimates them. */
  readonly rows: number;
}

/**
 * One look-up by index for each table of each schema: a join would read all of pg_class, which has a row for every table and
 * index of every tenant. A table that was never analyzed is -1, and new.
 */
export const largeTablesSql = `
  select distinct on (s.question, t.name) s.question, t.name as "table", s.schema, c.rows
    from unnest($1::int[], $2::text[]) as s (question, schema)
    join unnest($3::int[], $4::text[]) as t (question, name) on t.question = s.question
   cross join lateral (
     select reltuples::float8 as rows from pg_catalog.pg_class
      where relname = t.name::name and reltuples >= $5
        and relnamespace = pg_catalog.to_regnamespace(pg_catalog.quote_ident(s.schema))
     offset 0) c
   order by s.question, t.name, c.rows desc`;

/** The tables that have at least `rowsMin` rows in some tenant: one query, whatever the number of tenants. */
export async function readLargeTables(
  owner: Querier,
  questions: readonly TableQuestion[],
  rowsMin: number,
): Promise<LargeTable[]> {
  const schemas = questions.flatMap(({ tenants }, question) => tenants.map(({ schema }) => ({ question, schema })));
  const tables = questions.flatMap(({ tables: names }, question) => names.map((name) => ({ question, name })));
  const { rows } = await owner.query<LargeTable>(largeTablesSql, [
    schemas.map(({ question }) => question),
    schemas.map(({ schema }) => schema),
    tables.map(({ question }) => question),
    tables.map(({ name }) => name),
    rowsMin,
  ]);
  return rows;
}
