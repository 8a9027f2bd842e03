import type { MetadataDiscoveryOptions } from '@mikro-orm/core';
import type { Options } from '@mikro-orm/postgresql';
import { TenancyError } from '../../errors/tenancy-error.js';
import type { ScopedPool } from '../../isolation/scoped-pool.js';
import { EntityGuard, refuseTableWithoutSchema } from './entity-guard.js';
import { scopedDialect } from './scoped-dialect.js';
import { ScopedDriver } from './scoped-driver.js';
import { ScopedEntityManager } from './scoped-entity-manager.js';
import { ScopedResultCache } from './scoped-result-cache.js';

/** MikroORM options that a service may choose; connection, pool and context are Tenantry's. */
export type TenantOrmOptions = Omit<Options, keyof typeof refused | 'dbName'>;

const own = 'Tenantry sets it';
const address = 'Tenantry connects for it: the address and the login are those of the option `url`';
const anyTenant = 'a connection serves every tenant, so nothing can be set on it or run as it is taken';

/** Options that would lead around the gate, or do nothing behind it; and why. */
const refused = {
  driver: own,
  driverOptions: own,
  entityManager: own,
  pool: own,
  context: own,
  replicas: own,
  sessionContext: own,
  allowGlobalContext: own,
  preferEnvVars: own,
  clientUrl: address,
  host: address,
  port: address,
  user: address,
  password: address,
  onCreateConnection: anyTenant,
  onReserveConnection: anyTenant,
} as const satisfies Partial<Record<keyof Options, string>>;

/**
 * Completes a service's MikroORM options so that all its SQL goes through the gate.
 *
 * @throws TenancyError `TENANCY_OPTION_INVALID` for an option that would lead around the gate.
 */
export function ormOptions(pool: ScopedPool, database: string, options: TenantOrmOptions): Options {
  for (const [option, reason] of Object.entries(refused)) {
    if (option in options) throw new TenancyError('TENANCY_OPTION_INVALID', { option: `orm.${option}`, reason });
  }
  const { discovery, resultCache, subscribers = [] } = options;
  const { adapter, ...cache } = resultCache ?? {};
  return {
    ...options,
    driver: ScopedDriver,
    entityManager: ScopedEntityManager,
    driverOptions: () => scopedDialect(pool),
    dbName: database,
    // Named here because MikroORM would read them from the environment, or look for the database as it connects.
    allowGlobalContext: false,
    ensureDatabase: false,
    subscribers: [...subscribers, new EntityGuard()],
    resultCache: { ...cache, adapter: ScopedResultCache, options: { ...cache.options, inner: adapter } },
    discovery: { ...discovery, afterDiscovered: refusingTablesWithoutSchema(discovery) },
  };
}

function refusingTablesWithoutSchema(
  discovery: Options['discovery'],
): NonNullable<MetadataDiscoveryOptions['afterDiscovered']> {
  return async (storage, platform) => {
    await discovery?.afterDiscovered?.(storage, platform);
    for (const meta of storage.getAll().values()) refuseTableWithoutSchema(meta);
  };
}
