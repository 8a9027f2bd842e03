import type { Statement } from '../postgres/one-flight.js';
import { quoteIdentifier } from '../postgres/quote.js';
import type { IsolationMode } from './scope-settings.js';

/** Whom a tenant schema is given to, and how. */
export interface SchemaGrant {
  readonly isolation: IsolationMode;
  /** The login that serves. */
  readonly serviceRole: string;
  /** PostgreSQL's `server_version_num`. */
  readonly serverVersion: number;
}

/** Makes an empty tenant schema and its role, and gives it to the login that serves. Pure. */
export function createSchema(grant: SchemaGrant, schema: string, roleExists: boolean): Statement[] {
  const name = quoteIdentifier(schema);
  if (grant.isolation === 'schema') return [{ text: `create schema ${name}` }, ...grantSchema(grant, schema)];
  return [
    ...(roleExists ? [] : [{ text: `create role ${name} nologin` }]),
    ...grantSchema(grant, schema),
    { text: `create schema ${name}` },
    ...openSchema(name, name),
  ];
}

/** Gives a tenant schema to the login that serves: the right to switch to the tenant's role, or the tables themselves. Pure. */
export function grantSchema({ isolation, serviceRole, serverVersion }: SchemaGrant, schema: string): Statement[] {
  const [name, login] = [quoteIdentifier(schema), quoteIdentifier(serviceRole)];
  // Before 16 the login's own NOINHERIT does this.
  const terms = serverVersion >= 160_000 ? ' with inherit false, set true' : '';
  if (isolation === 'role') return [{ text: `grant ${name} to ${login}${terms}` }];
  return [...openSchema(name, login), ...openContents(name, login)];
}

/** Gives a tenant schema whose role or rights were lost back to its role and to the login that serves. Pure. */
export function reopenSchema(grant: SchemaGrant, schema: string, roleExists: boolean): Statement[] {
  if (grant.isolation === 'schema') return grantSchema(grant, schema);
  const name = quoteIdentifier(schema);
  const make = roleExists ? [] : [{ text: `create role ${name} nologin` }];
  return [...make, ...grantSchema(grant, schema), ...openSchema(name, name), ...openContents(name, name)];
}

function openContents(name: string, role: string): Statement[] {
  return [
    { text: `grant select, insert, update, delete on all tables in schema ${name} to ${role}` },
    { text: `grant usage, select on all sequences in schema ${name} to ${role}` },
  ];
}

/** Gives the role its rights. Default privileges give it those on tables that later migrations add. */
function openSchema(name: string, role: string): Statement[] {
  return [
    { text: `grant usage on schema ${name} to ${role}` },
    { text: `alter default privileges in schema ${name} grant select, insert, update, delete on tables to ${role}` },
    { text: `alter default privileges in schema ${name} grant usage, select on sequences to ${role}` },
  ];
}
