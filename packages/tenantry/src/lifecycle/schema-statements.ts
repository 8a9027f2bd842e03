import type { Statement } from '../postgres/one-flight.js';
import { quoteIdentifier, quoteLiteral } from '../postgres/quote.js';
import type { ProvisionTarget } from './provision-plan.js';

/** Makes an empty tenant schema and its role, and gives it to the login that serves. Pure. */
export function createSchema(target: ProvisionTarget, schema: string, roleExists: boolean): Statement[] {
  const name = quoteIdentifier(schema);
  if (target.isolation === 'schema') return [{ text: `create schema ${name}` }, ...grantSchema(target, schema)];
  return [
    ...(roleExists ? [] : [{ text: `create role ${name} nologin` }]),
    ...grantSchema(target, schema),
    { text: `create schema ${name}` },
    ...openSchema(name, name),
  ];
}

/** Gives a tenant schema to the login that serves: the right to switch to the tenant's role, or the tables themselves. Pure. */
export function grantSchema({ isolation, serviceRole, serverVersion }: ProvisionTarget, schema: string): Statement[] {
  const [name, login] = [quoteIdentifier(schema), quoteIdentifier(serviceRole)];
  // Before 16 the login's own NOINHERIT does this.
  const terms = serverVersion >= 160_000 ? ' with inherit false, set true' : '';
  if (isolation === 'role') return [{ text: `grant ${name} to ${login}${terms}` }];
  return [
    ...openSchema(name, login),
    { text: `grant select, insert, update, delete on all tables in schema ${name} to ${login}` },
    { text: `grant usage, select on all sequences in schema ${name} to ${login}` },
  ];
}

/** Rights on what later migrations add come with the default privileges. */
function openSchema(name: string, role: string): Statement[] {
  return [
    { text: `grant usage on schema ${name} to ${role}` },
    { text: `alter default privileges in schema ${name} grant select, insert, update, delete on tables to ${role}` },
    { text: `alter default privileges in schema ${name} grant usage, select on sequences to ${role}` },
  ];
}

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
