import type pg from 'pg';
import { inCatalogTransaction } from '../catalog/in-catalog-transaction.js';
import { installCatalog, type CatalogVersions } from '../catalog/install-catalog.js';
import { ensureCatalogRole } from '../isolation/catalog-role.js';
import { catalogGrants, loginGrants } from '../isolation/grants.js';
import { harden } from '../isolation/harden.js';
import type { IsolationMode } from '../isolation/scope-settings.js';
import { ensureServiceLogin, type ServiceLogin } from '../isolation/service-role.js';

/** What a database is prepared for. */
export interface PrepareOptions {
  readonly database: string;
  readonly isolation: IsolationMode;
  /** The role that serves; `undefined` makes one. */
  readonly serviceRole: string | undefined;
}

/** What preparing a database did. */
export interface PreparedDatabase {
  readonly catalog: CatalogVersions;
  readonly serviceRole: string;
  /** Where the role that serves was made by Tenantry. */
  readonly login: ServiceLogin | undefined;
  /** What this owner could not close, as SQL for a superuser. */
  readonly hardeningMissing: readonly string[];
}

/** Makes the catalog and the service role as they should be. One of many processes does it, the others find it done. */
export function prepareDatabase(
  owner: pg.ClientBase,
  { database, isolation, serviceRole }: PrepareOptions,
): Promise<PreparedDatabase> {
  return inCatalogTransaction(owner, async () => {
    const catalog = await installCatalog(owner);
    const login = serviceRole === undefined ? await ensureServiceLogin(owner, database) : undefined;
    const role = serviceRole ?? login?.role ?? '';
    const catalogRole = isolation === 'role' ? await ensureCatalogRole(owner, role) : role;
    for (const grant of [...loginGrants(role), ...catalogGrants(catalogRole)]) await owner.query(grant);
    const hardeningMissing = isolation === 'role' ? await harden(owner, role) : [];
    return { catalog, serviceRole: role, login, hardeningMissing };
  });
}
