import { createHash } from 'node:crypto';
import { Configuration } from '@mikro-orm/core';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { TenancyError } from '../errors/tenancy-error.js';
import type { CompiledMigration, MigrationClass, MigrationList } from './tenant-migration.js';

/**
 * Turns a service's migrations into statements, once for all tenants and without a database.
 *
 * @param service - For errors.
 * @throws TenancyError `TENANCY_MIGRATION_UNFIT` for a migration that runs code against the database, or outside a transaction.
 */
export async function compileMigrations(
  service: string,
  migrations: MigrationList,
): Promise<readonly CompiledMigration[]> {
  const compiled: CompiledMigration[] = [];
  for (const [name, migration] of Object.entries(migrations)) compiled.push(await compile(service, name, migration));
  return compiled;
}

async function compile(service: string, name: string, migrationClass: MigrationClass): Promise<CompiledMigration> {
  const unfit = (reason: string) => new TenancyError('TENANCY_MIGRATION_UNFIT', { service, migration: name, reason });
  // Offline: a driver without a connection, so that code in up() that asks the database cannot find any schema.
  const config = new Configuration(
    { driver: PostgreSqlDriver, dbName: 'compile', discovery: { warnWhenNoEntities: false } },
    false,
  );
  const driver = config.getDriver() as PostgreSqlDriver;
  const migration = new migrationClass(driver, config);
  migration.execute = () =>
    Promise.reject(
      unfit('runs code against the database; only statements added with addSql() can run in every tenant schema'),
    );
  migration.getEntityManager = () => {
    throw unfit('uses an EntityManager; only statements added with addSql() can run in every tenant schema');
  };
  if (!migration.isTransactional())
    throw unfit('wants to run outside a transaction, which would leave a half-done tenant behind after a crash');
  await migration.up();
  const statements = migration.getQueries().map((query) => {
    if (typeof query !== 'string') throw unfit('adds a query object; add its SQL text');
    return query.trim().replace(/;$/, '');
  });
  const kept = statements.filter((statement) => statement !== '');
  return { name, statements: kept, checksum: createHash('sha256').update(JSON.stringify(kept)).digest('hex') };
}
