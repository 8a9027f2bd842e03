import type { Querier } from '../postgres/querier.js';
import { quoteIdentifier } from '../postgres/quote.js';
import { sqlstate, sqlstateOf } from '../postgres/sqlstate.js';

/** What decides how an owner comes into a tenant role. */
interface Standing {
  readonly owner: string;
  readonly may: boolean;
  /** It gave the role to itself before, for something else than switching to it. */
  readonly held: boolean;
  readonly version: number;
}

/**
 * Sees to it that the owner role may switch to a tenant role, which `set role` asks for: a superuser may anyway, who merely
 * made the role has to give it to itself once. It stays a member: each change of a membership makes every connection of the
 * server find out anew which roles its login has, which with 10,000 tenants takes 15 ms on PostgreSQL 18 and 150 ms on 15.
 *
 * @param client - A connection of the owner role, in a transaction.
 * @throws Error that names the grant which is missing.
 */
export async function joinTenantRole(client: Querier, role: string): Promise<void> {
  const { rows } = await client.query<Standing>(
    // From 16 a member may or may not switch to a role; before, every member may.
    `select current_user::text as owner, v.version,
            pg_has_role(session_user, r.oid, case when v.version >= 160000 then 'set' else 'member' end) as may,
            exists (select from pg_auth_members m join pg_roles me on me.rolname = current_user
                     where m.roleid = r.oid and m.member = me.oid and m.grantor = me.oid) as held
       from pg_roles r, (select current_setting('server_version_num')::int as version) v where rolname = $1`,
    [role],
  );
  const [standing] = rows;
  // Without the role it is `set role` that says so.
  if (!standing || standing.may) return;
  const { owner, held, version } = standing;
  const name = quoteIdentifier(role);
  const terms = version < 160_000 ? '' : held ? ' with set true' : ' with inherit false, set true';
  await client.query(`grant ${name} to current_user${terms}`).catch((error: unknown) => {
    if (sqlstateOf(error) !== sqlstate.insufficientPrivilege) throw error;
    throw new Error(
      `the owner role "${owner}" may not switch to the tenant role, which somebody else made; a superuser must run: grant ${name} to ${quoteIdentifier(owner)} with admin option`,
      { cause: error },
    );
  });
}
