import type { Querier } from '../../postgres/querier.js';
import { servesElsewhere } from '../../isolation/serves-elsewhere.js';
import { quoteIdentifier } from '../../postgres/quote.js';
import type { OperationStep } from '../operations/operation-step.js';

/**
 * Takes the tenant's roles from every login that serves, so that PostgreSQL itself refuses whoever has not heard yet that
 * the tenant is not served. The provisioner gives them back.
 */
export const closeSchemas: OperationStep = {
  name: 'close',
  apply: ({ client, tenant }) => closeSchemasOf(client, tenant),
  async verify({ client, tenant }) {
    const [left] = await grantsOf(client, tenant);
    return left && `${left.member} may still switch to ${left.role}`;
  },
};

export async function closeSchemasOf(client: Querier, tenant: string): Promise<void> {
  for (const { role, member, grantor } of await grantsOf(client, tenant)) {
    const by = grantor === null ? '' : ` granted by ${quoteIdentifier(grantor)}`;
    await client.query(`revoke ${quoteIdentifier(role)} from ${quoteIdentifier(member)}${by}`);
  }
  await client.query(
    "update tenantry.tenant_schema set service_role = '' where tenant_id = $1 and role_name = schema_name and service_role <> ''",
    [tenant],
  );
}

interface RoleGrant {
  readonly role: string;
  readonly member: string;
  /** `null` before PostgreSQL 16, where a membership has one grant. */
  readonly grantor: string | null;
}

/**
 * Who may switch to the tenant's roles; not who administers them, which is their owner, and not who serves the tenant of the
 * same id in another database.
 */
async function grantsOf(client: Querier, tenant: string): Promise<RoleGrant[]> {
  const { rows } = await client.query<RoleGrant>(
    `select r.rolname as role, m.rolname as member,
            case when current_setting('server_version_num')::int >= 160000 then pg_get_userbyid(g.grantor) end as grantor
       from tenantry.tenant_schema x join pg_roles r on r.rolname = x.role_name
       join pg_auth_members g on g.roleid = r.oid join pg_roles m on m.oid = g.member
      where x.tenant_id = $1 and x.role_name = x.schema_name and not g.admin_option and m.rolname <> current_user
        and not ${servesElsewhere('m.oid', 'r.oid')}
      order by 1, 2`,
    [tenant],
  );
  return rows;
}
