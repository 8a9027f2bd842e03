import type { TestDatabase } from './database.js';

/** Makes the catalog belong to an owner role that is no superuser, as if that one had installed it. */
export async function giveCatalog({ admin }: Pick<TestDatabase, 'admin'>, owner: string): Promise<void> {
  await admin.query(`alter schema tenantry owner to ${owner}`);
  const { rows } = await admin.query<{ sql: string }>(
    `select format('alter table %s owner to ${owner}', oid::regclass) as sql from pg_class where relnamespace = 'tenantry'::regnamespace and relkind = 'r'
      union all
     select format('alter routine %s owner to ${owner}', oid::regprocedure) from pg_proc where pronamespace = 'tenantry'::regnamespace`,
  );
  for (const { sql } of rows) await admin.query(sql);
}
