import { Configuration } from '@mikro-orm/core';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import type pg from 'pg';
import { joinTenantRole } from '../isolation/join-tenant-role.js';
import { quoteIdentifier } from '../postgres/quote.js';
import type { MigrationClass } from './tenant-migration.js';

/** Where the code of a migration runs. */
export interface CodeTarget {
  /** A connection of the owner role, in a transaction whose search path is the tenant's. */
  readonly client: pg.ClientBase;
  /** What `execute()` runs as, so that PostgreSQL keeps also a migration's code to its tenant; `undefined` for the owner. */
  readonly role: string | undefined;
}

/**
 * Runs a migration that has code, in the order in which it is written: statements of `addSql()` as the owner, for DDL;
 * those of `execute()` as the tenant, which sees what was added before. (MikroORM alone runs all of `execute()` first.)
 */
export async function runCodeMigration(migrationClass: MigrationClass, { client, role }: CodeTarget): Promise<void> {
  const options = { driver: PostgreSqlDriver, dbName: 'migrate', discovery: { warnWhenNoEntities: false } };
  const config = new Configuration(options, false);
  const migration = new migrationClass(config.getDriver() as PostgreSqlDriver, config);
  let sent = 0;
  const sendAdded = async () => {
    const added = migration.getQueries().slice(sent);
    sent += added.length;
    for (const query of added) if (typeof query === 'string' && query.trim() !== '') await client.query(query);
  };
  let joining: Promise<void> | undefined;
  migration.execute = async (sql, params = []) => {
    await sendAdded();
    if (role !== undefined) await (joining ??= joinTenantRole(client, role));
    if (role !== undefined) await client.query(`set local role ${quoteIdentifier(role)}`);
    const { rows } = await client.query<Record<string, unknown>>(
      config.getPlatform().formatQuery(sql as string, params),
    );
    if (role !== undefined) await client.query('reset role');
    return rows;
  };
  await migration.up();
  await sendAdded();
}
