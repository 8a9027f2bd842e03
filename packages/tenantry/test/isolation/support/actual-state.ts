import type pg from 'pg';

/** Everything a probe could have changed in a database: relations, roles, large objects, and the rows of every tenant table. */
export async function actualState(admin: pg.Pool): Promise<Record<string, unknown>> {
  const column = async (sql: string) => (await admin.query<{ value: string }>(sql)).rows.map(({ value }) => value);
  const tables = await column(
    `select format('%I.%I', schemaname, tablename) as value from pg_tables where schemaname ~ '_shop$' or schemaname = 'tenantry' order by 1`,
  );
  const rows: Record<string, unknown> = {};
  for (const table of tables) rows[table] = await column(`select t::text as value from ${table} t order by 1`);
  return {
    rows,
    relations: await column(
      `select format('%s %s %s', relnamespace::regnamespace, relname, relacl) as value from pg_class
        where relnamespace::regnamespace::text !~ '^(pg_|information_schema)' order by 1`,
    ),
    columns: await column(
      `select format('%s %s', attrelid::regclass, attname) as value from pg_attribute join pg_class c on c.oid = attrelid
        where relnamespace::regnamespace::text !~ '^(pg_|information_schema)' order by 1`,
    ),
    schemas: await column("select nspname as value from pg_namespace where nspname !~ '^pg_(toast_)?temp' order by 1"),
    roles: await column("select rolname as value from pg_roles where rolname like 'tenantry_probe%' order by 1"),
    functions: await column("select proname as value from pg_proc where proname like 'tenantry_probe%' order by 1"),
    largeObjects: await column('select oid::text as value from pg_largeobject_metadata order by 1'),
  };
}
