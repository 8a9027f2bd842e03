import type pg from 'pg';
import { one } from '../postgres/one.js';
import { quoteIdentifier } from '../postgres/quote.js';

/**
 * The role that code without a tenant runs as. The login that serves may switch to every role and may call `set_config`:
 * one injected statement of it could do both. With its dot the name cannot be that of a tenant role.
 */
export function catalogRoleOf(serviceRole: string): string {
  const suffix = '.catalog';
  return (
    Buffer.from(serviceRole)
      .subarray(0, 63 - suffix.length)
      .toString() + suffix
  );
}

/** Makes the catalog role of a service role, or finds it. */
export async function ensureCatalogRole(owner: pg.ClientBase, serviceRole: string): Promise<string> {
  const role = catalogRoleOf(serviceRole);
  const { rows } = await owner.query<{ there: boolean; version: number }>(
    "select exists (select from pg_roles where rolname = $1) as there, current_setting('server_version_num')::int as version",
    [role],
  );
  const { there, version } = one(rows, 'select exists (…) as there, …');
  if (!there) await owner.query(`create role ${quoteIdentifier(role)} nologin`);
  const terms = version >= 160_000 ? ' with inherit false, set true' : '';
  await owner.query(`grant ${quoteIdentifier(role)} to ${quoteIdentifier(serviceRole)}${terms}`);
  return role;
}
