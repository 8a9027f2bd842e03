import { requireCatalog } from '../catalog/install-catalog.js';
import { TenantCopies } from '../copies/tenant-copies.js';
import { connectionTarget } from '../postgres/connection-url.js';
import { OwnerPool } from '../postgres/owner-pool.js';
import { Tenancy } from '../tenancy.js';
import type { CliDatabase, LoadedConfig } from './config.js';
import { fleetServices, tenancyOptionsFor } from './open-fleet.js';
import { UsageError } from './usage-error.js';

/** Runs code that makes tenants: with the migrations of every service of the config. */
export async function withTenants<T>(
  database: CliDatabase & LoadedConfig,
  fn: (tenants: TenantCopies) => Promise<T>,
): Promise<T> {
  const open: Tenancy[] = [];
  try {
    for (const service of fleetServices(database, undefined))
      open.push(await Tenancy.start(tenancyOptionsFor(database, service, 1)));
    const [first, ...others] = open.map(({ copies }) => copies);
    if (!first) throw new UsageError('The config has no service with tenant data.');
    return await fn(first.with(others));
  } finally {
    await Promise.all(open.map((tenancy) => tenancy.stop()));
  }
}

/** Runs code that only reads tenants: no migration is registered. */
export async function withTenantsAsTheyAre<T>(
  { url, ownerUrl }: CliDatabase,
  fn: (tenants: TenantCopies) => Promise<T>,
): Promise<T> {
  const owner = new OwnerPool({
    connectionString: connectionTarget(ownerUrl ?? url, ownerUrl === undefined ? 'url' : 'ownerUrl').url,
    variable: ownerUrl === undefined ? 'DATABASE_URL' : 'DATABASE_OWNER_URL',
    max: 2,
    connectionTimeoutMillis: 10_000,
  });
  try {
    await requireCatalog(owner, owner.variable);
    const contextOf = () => Promise.reject(new Error('Nothing is made here.'));
    return await fn(new TenantCopies({ service: undefined, lockTimeoutMs: 5000, owner: () => owner, contextOf }));
  } finally {
    await owner.end();
  }
}
