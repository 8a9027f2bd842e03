/**
 * The row of a statement that always gives one: an aggregate, a look at the server, an `insert … returning`.
 *
 * @param statement - What gave the rows, so that whoever reads the error finds it.
 * @throws Error that names the statement. No row means that something is not as Tenantry made it; to go on with a value
 * made up for it would hide that.
 */
export function one<Row>(rows: readonly Row[], statement: string): Row {
  const [row] = rows;
  if (row === undefined) throw new Error(`PostgreSQL gave no row where there always is one: ${statement}.`);
  return row;
}
