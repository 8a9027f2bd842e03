import pg from 'pg';
import { Tenancy } from '../../../src/tenancy.js';
import type { TenancyOptions } from '../../../src/options.js';
import type { MigrationList } from '../../../src/migrations/tenant-migration.js';
import { createTestDatabase, type TestDatabase } from '../../../../../test/support/database.js';
import { migrationOf } from '../../../../../test/support/migration-of.js';

/** The first migration of the service `shop`: one table with a row in it. */
export const first = {
  '000001-item': migrationOf(
    'create table item (id int primary key, name text)',
    "insert into item values (1, 'first')",
  ),
} as const;

/** A fleet of the service `shop`, whose migrations a test may exchange. */
export interface FleetShop {
  readonly database: TestDatabase;
  readonly tenants: readonly string[];
  /** Starts a process that ships these migrations and reconciles only when it is asked to. */
  start(migrations: MigrationList, options?: Partial<TenancyOptions>): Promise<Tenancy>;
  /** Runs SQL past the gate. */
  sql<T extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<T[]>;
  /** Heads of the tenants, with how many have each. */
  heads(): Promise<Record<string, number>>;
  close(): Promise<void>;
}

/**
 * Makes tenants at the first migration.
 *
 * @param wanted - How many: `t000`, `t001`, …, which other files have too. Or ids of their own, where a test drops or renames
 * roles, or takes them from logins: roles belong to the whole server.
 */
export async function openFleet(
  wanted: number | readonly string[],
  migrations: MigrationList = first,
): Promise<FleetShop> {
  const database = await createTestDatabase();
  const running: Tenancy[] = [];
  const start = async (list: MigrationList, options: Partial<TenancyOptions> = {}) => {
    const tenancy = await Tenancy.start({
      url: database.url,
      service: 'shop',
      migrations: list,
      listenUrl: false,
      ownerConnections: 5,
      connections: 9,
      reconcile: { automatic: false },
      ...options,
    });
    running.push(tenancy);
    return tenancy;
  };
  const tenants = typeof wanted === 'number' ? numbered(wanted) : wanted;
  const tenancy = await start(migrations);
  await database.admin.query('insert into tenantry.tenant (id, name) select id, id from unnest($1::text[]) id', [
    tenants,
  ]);
  await tenancy.reconcile();
  await tenancy.stop();
  const sql = async <T extends pg.QueryResultRow>(text: string, values: unknown[] = []) =>
    (await database.admin.query<T>(text, values)).rows;
  return {
    database,
    tenants,
    start,
    sql,
    async heads() {
      const rows = await sql<{ head: string; n: number }>(
        'select head, count(*)::int as n from tenantry.tenant_schema group by head',
      );
      return Object.fromEntries(rows.map(({ head, n }) => [head, n]));
    },
    async close() {
      await Promise.all(running.map((each) => each.stop()));
      await database.drop();
    },
  };
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `t${String(index).padStart(3, '0')}`);
}
