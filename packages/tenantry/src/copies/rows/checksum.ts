import type pg from 'pg';
import { one } from '../../postgres/one.js';
import { quoteIdentifier } from '../../postgres/quote.js';
import { nameIn } from './read-tables.js';

/** How many rows a table has, and a number that changes when one of their values does. */
export interface TableChecksum {
  readonly rows: number;
  /** A sum over the rows, so their order does not matter; as text. */
  readonly checksum: string;
}

/** Generated columns are part of it: computed again, they must have the same values. */
export async function checksumOf(
  client: pg.ClientBase,
  schema: string,
  { name, columns }: { readonly name: string; readonly columns: readonly { readonly name: string }[] },
): Promise<TableChecksum> {
  const row = columns.map((column) => quoteIdentifier(column.name)).join(', ');
  const { rows } = await client.query<{ rows: string; checksum: string }>(
    `select count(*) as rows, coalesce(sum(('x' || left(md5(row(${row})::text), 16))::bit(64)::bigint), 0)::text as checksum
       from only ${nameIn(schema, name)}`,
  );
  const sum = one(rows, `select count(*), … from ${nameIn(schema, name)}`);
  return { rows: Number(sum.rows), checksum: sum.checksum };
}
