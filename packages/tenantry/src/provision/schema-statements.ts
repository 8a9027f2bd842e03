import type { Statement } from '../postgres/one-flight.js';
import { quoteLiteral } from '../postgres/quote.js';
import type { ProvisionTarget } from './provision-target.js';

/** Writes down that a tenant schema is at the service's head. Pure. */
export function recordSchema(
  { tenant, service, isolation, serviceRole, migrations }: ProvisionTarget,
  schema: string,
): Statement {
  const role = isolation === 'role' ? schema : serviceRole;
  const values = [schema, tenant, service, role, serviceRole].map(quoteLiteral);
  const head = migrations.at(-1)?.name;
  return {
    text: `insert into tenantry.tenant_schema (schema_name, tenant_id, service, role_name, service_role, head)
           values (${values.join(', ')}, ${head === undefined ? 'null' : quoteLiteral(head)})
           on conflict (schema_name) do update set head = excluded.head`,
  };
}

/** Writes down which login a tenant schema was given to. Pure. */
export function recordGrant(schema: string, serviceRole: string): Statement {
  return {
    text: `update tenantry.tenant_schema set service_role = ${quoteLiteral(serviceRole)} where schema_name = ${quoteLiteral(schema)}`,
  };
}
