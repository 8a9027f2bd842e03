import { quoteIdentifier } from '../postgres/quote.js';

/** The catalog scope's rights on the catalog: it looks tenants up and signs them up; it changes neither ledger nor migrations. */
export function catalogGrants(catalogRole: string): readonly string[] {
  const role = quoteIdentifier(catalogRole);
  const readable = [
    'tenant',
    'service',
    'tenant_schema',
    'ledger',
    'catalog_version',
    'operation',
    'event',
    'former_tenant',
  ].map((table) => `tenantry.${table}`);
  return [
    `grant usage on schema tenantry to ${role}`,
    `grant select on ${readable.join(', ')} to ${role}`,
    `grant insert, update on tenantry.tenant to ${role}`,
    `grant execute on function tenantry.try_lock_operation(text), tenantry.operation_is_held(text) to ${role}`,
  ];
}

/** Lets the login that serves see, before it has a scope, whether it fits the catalog, who the tenants are and where they live. */
export function loginGrants(serviceRole: string): readonly string[] {
  const role = quoteIdentifier(serviceRole);
  const readable = 'tenantry.catalog_version, tenantry.tenant, tenantry.tenant_schema';
  return [`grant usage on schema tenantry to ${role}`, `grant select on ${readable} to ${role}`];
}

/** The catalog scope's rights on a schema that all tenants of a database share, such as the one with the users. */
export function sharedGrants(schema: string, catalogRole: string): readonly string[] {
  const [name, role] = [quoteIdentifier(schema), quoteIdentifier(catalogRole)];
  return [
    `grant usage on schema ${name} to ${role}`,
    `grant select, insert, update, delete on all tables in schema ${name} to ${role}`,
    `grant usage, select on all sequences in schema ${name} to ${role}`,
    `alter default privileges in schema ${name} grant select, insert, update, delete on tables to ${role}`,
    `alter default privileges in schema ${name} grant usage, select on sequences to ${role}`,
  ];
}

/** Lets every tenant read a shared schema, such as one with countries, and write nothing in it. */
export function tenantReadGrants(schema: string): readonly string[] {
  const name = quoteIdentifier(schema);
  return [
    `grant usage on schema ${name} to public`,
    `grant select on all tables in schema ${name} to public`,
    `alter default privileges in schema ${name} grant select on tables to public`,
  ];
}
