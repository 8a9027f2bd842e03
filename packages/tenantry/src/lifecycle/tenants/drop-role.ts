import type { Querier } from '../../postgres/querier.js';
import { quoteIdentifier } from '../../postgres/quote.js';
import { sqlstate } from '../../postgres/sqlstate.js';

/**
 * Drops a tenant role, in the transaction that dropped its schema. Roles belong to the server: one that another database's
 * tenant of the same id has too stays.
 *
 * @returns Whether it is gone.
 * @throws Error when it has rights that only somebody else can take back.
 */
export async function dropRole(client: Querier, role: string): Promise<boolean> {
  const { rows } = await client.query<{ here: boolean; elsewhere: boolean; version: number }>(
    `select current_setting('server_version_num')::int as version,
            coalesce(bool_or(d.dbid = (select oid from pg_database where datname = current_database())), false) as here,
            coalesce(bool_or(d.dbid <> (select oid from pg_database where datname = current_database())), false) as elsewhere
       from pg_roles r left join pg_shdepend d on d.refclassid = 'pg_authid'::regclass and d.refobjid = r.oid and d.deptype <> 'p'
      where r.rolname = $1 group by r.oid`,
    [role],
  );
  const [found] = rows;
  if (!found) return true;
  const name = quoteIdentifier(role);
  if (found.here) {
    // Somebody granted the role rights by hand. `drop owned` takes them back, and needs a member that inherits from the
    // role.
    await client.query(`grant ${name} to current_user${found.version >= 160_000 ? ' with inherit true' : ''}`);
    await client.query(`drop owned by ${name}`);
  }
  if (found.elsewhere) return false;
  try {
    await client.query(`drop role ${name}`);
  } catch (error) {
    const { code, detail } = error as { code?: string; detail?: string };
    if (code !== sqlstate.dependentObjects) throw error;
    // What is left are rights on objects of others. Only their owner or a superuser can take these back.
    const reason = `its role still has ${detail ?? 'rights'}, given by hand; a superuser must run: drop owned by ${name}`;
    throw new Error(reason, { cause: error });
  }
  return true;
}
