import type pg from 'pg';
import { admitTenant } from './catalog/admit-tenant.js';
import type { CachedCatalog } from './catalog/cached-catalog.js';
import { runInScope } from './context/current-scope.js';
import { lookupScope } from './context/scope.js';
import { TenancyError } from './errors/tenancy-error.js';
import { errorCauses } from './postgres/error-causes.js';
import { one } from './postgres/one.js';
import { sqlstate, sqlstateOf } from './postgres/sqlstate.js';
import type { SchemaName } from './tenant/schema-name.js';
import type { TenantId } from './tenant/tenant-id.js';

/** What PostgreSQL says when a role, a schema or a table is gone, was given another name, or may not be used any more. */
const signs = new Set<string | undefined>([
  sqlstate.insufficientPrivilege,
  sqlstate.undefinedObject,
  sqlstate.undefinedTable,
  sqlstate.invalidSchemaName,
  // For `role` that does not exist.
  sqlstate.invalidParameterValue,
  // A table that was dropped while the statement waited for it.
  sqlstate.internalError,
]);

/**
 * Whether a tenant's statement failed because the tenant is not served any more: looks it up anew, past what is remembered.
 *
 * @param pool - Of the login that serves.
 * @returns Why it is not served, with the failure as its cause; `undefined`, without a look-up where the failure cannot mean that.
 */
export function goneTenant(
  error: unknown,
  tenant: TenantId,
  catalog: Pick<CachedCatalog, 'find' | 'forget'>,
  pool: Pick<pg.Pool, 'query'>,
): Promise<TenancyError | undefined> | undefined {
  for (const cause of errorCauses(error)) if (signs.has(sqlstateOf(cause))) return look(error, tenant, catalog, pool);
  return undefined;
}

async function look(
  error: unknown,
  tenant: TenantId,
  catalog: Pick<CachedCatalog, 'find' | 'forget'>,
  pool: Pick<pg.Pool, 'query'>,
): Promise<TenancyError | undefined> {
  catalog.forget(tenant);
  const entry = await catalog.find(tenant).catch(() => null);
  if (entry === null) return undefined;
  try {
    const { placement } = admitTenant(tenant, entry, { cause: error });
    if (!placement || (await hasSchema(pool, placement.schema))) return undefined;
    return new TenancyError('TENANCY_SCHEMA_LOST', { schema: placement.schema }, { cause: error });
  } catch (refusal) {
    return refusal as TenancyError;
  }
}

/** Asks the database itself: the catalog may still name a schema that somebody dropped by hand. */
async function hasSchema(pool: Pick<pg.Pool, 'query'>, schema: SchemaName): Promise<boolean> {
  const asked = runInScope(lookupScope, () =>
    pool.query<{ there: boolean }>('select exists (select from pg_catalog.pg_namespace where nspname = $1) as there', [
      schema,
    ]),
  );
  return asked.then(
    ({ rows }) => one(rows, 'select exists (… from pg_namespace …)').there,
    () => true,
  );
}
