import type { MetadataDiscoveryOptions } from '@mikro-orm/core';
import type { Options } from '@mikro-orm/postgresql';
import { TenancyError } from '../errors/tenancy-error.js';
import type { ScopedPool } from '../isolation/scoped-pool.js';
import { EntityGuard, refuseTableWithoutSchema } from './entity-guard.js';
import { scopedDialect } from './scoped-dialect.js';
import { ScopedDriver } from './scoped-driver.js';
import { ScopedEntityManager } from './scoped-entity-manager.js';
import { ScopedResultCache } from './scoped-result-cache.js';

/** MikroORM options that a service may choose; connection, pool and context are Tenantry's. */
export type TenantOrmOptions = Omit<
  Options,
  'driver' | 'driverOptions' | 'entityManager' | 'pool' | 'context' | 'clientUrl' | 'dbName' | 'replicas'
>;

const notHere = [
  'driver',
  'driverOptions',
  'entityManager',
  'pool',
  'context',
  'clientUrl',
  'replicas',
  'sessionContext',
  'allowGlobalContext',
] as const;

/**
 * Completes a service's MikroORM options so that all its SQL goes through the gate.
 *
 * @throws TenancyError `TENANCY_OPTION_INVALID` for an option that would lead around the gate.
 */
export function ormOptions(pool: ScopedPool, database: string, options: TenantOrmOptions): Options {
  for (const option of notHere) {
    if (option in options)
      throw new TenancyError('TENANCY_OPTION_INVALID', { option: `orm.${option}`, reason: 'Tenantry sets it' });
  }
  const { discovery, resultCache, subscribers = [] } = options;
  const { adapter, ...cache } = resultCache ?? {};
  return {
    ...options,
    driver: ScopedDriver,
    entityManager: ScopedEntityManager,
    driverOptions: () => scopedDialect(pool),
    dbName: database,
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
