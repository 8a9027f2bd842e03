import { createHash } from 'node:crypto';
import { Configuration } from '@mikro-orm/core';
import { Migration } from '@mikro-orm/migrations';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { TenancyError } from '../errors/tenancy-error.js';
import { outsideStatement } from './outside-statement.js';
import type { CompiledMigration, MigrationClass, MigrationList } from './tenant-migration.js';

/**
 * Turns a service's migrations into statements, once for all tenants and without a database.
 *
 * @param service - For errors.
 * @throws TenancyError `TENANCY_MIGRATION_UNFIT` for a migration that cannot run in every tenant schema, or not again after a crash.
 */
export async function compileMigrations(
  service: string,
  migrations: MigrationList,
): Promise<readonly CompiledMigration[]> {
  const compiled: CompiledMigration[] = [];
  for (const [name, migration] of Object.entries(migrations)) compiled.push(await compile(service, name, migration));
  return compiled;
}

type Unfit = (reason: string) => TenancyError;

/** What one direction of a migration does. */
interface Recording {
  readonly statements: string[];
  readonly runsCode: boolean;
}

async function compile(service: string, name: string, migrationClass: MigrationClass): Promise<CompiledMigration> {
  const unfit: Unfit = (reason) => new TenancyError('TENANCY_MIGRATION_UNFIT', { service, migration: name, reason });
  const migration = offline(migrationClass);
  const { statements, runsCode } = await record(migration, 'up', unfit);
  const outside = !migration.isTransactional();
  if (outside && runsCode) throw unfit('runs code outside a transaction; split it into two migrations');
  for (const statement of outside ? statements : []) {
    if (!outsideStatement(statement)) {
      throw unfit(
        `has a statement outside a transaction that cannot be tried again after a crash, "${statement.slice(0, 60)}"; move it into a migration of its own with a transaction, and give every index a name`,
      );
    }
  }
  const checksum = createHash('sha256').update(JSON.stringify(statements)).digest('hex');
  const kind = outside ? 'outside' : runsCode ? 'code' : 'sql';
  return { name, kind, statements, checksum, down: await recordDown(offline(migrationClass), unfit) };
}

/** Makes the migration with a driver that never connects, so that code in it cannot reach a database. */
function offline(migrationClass: MigrationClass): Migration {
  const options = { driver: PostgreSqlDriver, dbName: 'compile', discovery: { warnWhenNoEntities: false } };
  const config = new Configuration(options, false);
  return new migrationClass(config.getDriver() as PostgreSqlDriver, config);
}

/** Runs one direction of a migration against nothing: code in it sees empty answers, and may give up. */
async function record(migration: Migration, direction: 'up' | 'down', unfit: Unfit): Promise<Recording> {
  let refusal: TenancyError | undefined;
  let runsCode = false;
  const refuse = (reason: string): never => {
    refusal = unfit(reason);
    throw refusal;
  };
  migration.execute = async (sql, params) => {
    runsCode = true;
    const text = typeof sql === 'string' ? sql : refuse('executes a query object; give execute() the SQL as text');
    migration.addSql(params?.length ? `${text} -- with ${JSON.stringify(params)}` : text);
    return [];
  };
  migration.getEntityManager = () =>
    refuse('uses an EntityManager, which knows the tables of today; use addSql() and execute()');
  try {
    await migration[direction]();
  } catch (error) {
    if (refusal || !runsCode) throw refusal ?? error;
  }
  const statements = migration.getQueries().map((query) => {
    if (typeof query !== 'string') throw unfit('adds a query object; add its SQL as text');
    return query.trim().replace(/;$/, '');
  });
  return { statements: statements.filter((statement) => statement !== ''), runsCode };
}

async function recordDown(migration: Migration, unfit: Unfit): Promise<readonly string[] | null> {
  if (migration.down === Migration.prototype.down) return null;
  const { statements, runsCode } = await record(migration, 'down', unfit);
  // A `down()` with code cannot be kept as statements in the catalog, and that is where every process with the owner
  // role reads it.
  return runsCode ? null : statements;
}
