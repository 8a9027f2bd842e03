import { TenancyError } from '../../errors/tenancy-error.js';
import type { Querier } from '../../postgres/querier.js';
import { quoteIdentifier } from '../../postgres/quote.js';
import { pathWith } from './path-with.js';
import { findSpelledName } from './spelled-names.js';

interface RoutineSetting {
  readonly routine: string;
  readonly value: string;
}

/** Routines of some schemas that carry a search path, as `set search_path from current` gives them one. */
const paths = `
  select format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) as routine, substring(setting from 13) as value
    from pg_namespace n
    join pg_depend d on d.refclassid = 'pg_namespace'::regclass and d.refobjid = n.oid and d.deptype = 'n' and d.classid = 'pg_proc'::regclass
    join pg_proc p on p.oid = d.objid, unnest(p.proconfig) as setting
   where n.nspname = any($1::name[]) and setting like 'search\\_path=%'`;

/**
 * Renames a tenant's schemas, in an open transaction, and what PostgreSQL keeps of their names as text: the search paths of
 * their functions.
 *
 * @param names - New name by former name.
 * @throws TenancyError `TENANCY_TENANT_ENTANGLED` when something in them spells out a former name besides.
 */
export async function renameSchemas(
  client: Querier,
  tenant: string,
  names: ReadonlyMap<string, string>,
): Promise<void> {
  for (const [from, to] of names)
    await client.query(`alter schema ${quoteIdentifier(from)} rename to ${quoteIdentifier(to)}`);
  const { rows } = await client.query<RoutineSetting>(paths, [[...names.values()]]);
  for (const { routine, value } of rows) {
    const path = pathWith(value, names);
    if (path) await client.query(`alter routine ${routine} set search_path to ${path.map(quoteIdentifier).join(', ')}`);
  }
  const spelled = await findSpelledName(client, names);
  if (!spelled) return;
  const reason = `the ${spelled.what} spells out the schema "${spelled.schema}" and would go on looking there; write it without the name first`;
  throw new TenancyError('TENANCY_TENANT_ENTANGLED', { tenant, reason });
}

/** Refuses what {@link renameSchemas} would refuse; changes nothing. */
export async function tryRename(client: Querier, tenant: string, names: ReadonlyMap<string, string>): Promise<void> {
  await client.query('savepoint trial');
  await renameSchemas(client, tenant, names);
  await client.query('rollback to savepoint trial');
}
