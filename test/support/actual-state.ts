import { randomBytes } from 'node:crypto';
import type pg from 'pg';

/** What a database holds of one service's tenants, seen at one moment. */
export interface ActualState {
  /** Schemas named as tenant schemas of the service. */
  readonly schemas: readonly string[];
  /** Of the given tenants' roles, those that exist on the server. */
  readonly roles: readonly string[];
  /** Schemas that the catalog has. */
  readonly recorded: readonly string[];
  /** `schema:migration`. */
  readonly ledger: readonly string[];
}

/** Nothing was made. */
export const nothing: ActualState = { schemas: [], roles: [], recorded: [], ledger: [] };

/** Ids that no other test has: roles belong to the server, which all test files share. */
export function freshIds(count: number): string[] {
  const run = randomBytes(4).toString('hex');
  return Array.from({ length: count }, (_, index) => `t${run}-${index}`);
}

/** Reads what is really there for these tenants, in one statement and so from one moment. */
export async function actualState(
  admin: Pick<pg.Pool, 'query'>,
  ids: readonly string[],
  service = 'shop',
): Promise<ActualState> {
  const names = ids.map((id) => `${id}_${service}`);
  const { rows } = await admin.query<ActualState>(
    `select array(select nspname::text from pg_namespace where nspname = any($1) order by 1) as schemas,
            array(select rolname::text from pg_roles where rolname = any($1) order by 1) as roles,
            array(select schema_name from tenantry.tenant_schema where schema_name = any($1) order by 1) as recorded,
            array(select schema_name || ':' || migration from tenantry.ledger where schema_name = any($1) order by 1) as ledger`,
    [names],
  );
  return rows[0] as ActualState;
}
