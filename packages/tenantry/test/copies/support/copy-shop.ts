import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../../../../../test/support/database.js';
import { Tenancy } from '../../../src/tenancy.js';
import type { TenancyOptions } from '../../../src/options.js';
import type { MigrationList } from '../../../src/migrations/tenant-migration.js';

/** A database with the service `shop`, and a folder for files. */
export interface CopyShop {
  readonly database: TestDatabase;
  readonly folder: string;
  /** A path in the folder. */
  file(name: string): string;
  /** Starts a process that ships these migrations and reconciles only when it is asked to. */
  start(migrations: MigrationList, options?: Partial<TenancyOptions>): Promise<Tenancy>;
  /** Makes tenants, provisioned. */
  signUp(tenancy: Tenancy, ...ids: string[]): Promise<void>;
  /** Runs SQL past the gate. */
  sql<T extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<T[]>;
  /** Runs statements past the gate, one by one, where unqualified names are a tenant's. */
  inTenant(id: string, ...texts: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

export async function openCopyShop(): Promise<CopyShop> {
  const database = await createTestDatabase();
  const folder = await mkdtemp(path.join(tmpdir(), 'tenantry-copies-'));
  const running: Tenancy[] = [];
  return {
    database,
    folder,
    file: (name) => path.join(folder, name),
    async start(migrations, options = {}) {
      const tenancy = await Tenancy.start({
        url: database.url,
        service: 'shop',
        migrations,
        listenUrl: false,
        reconcile: { automatic: false },
        ...options,
      });
      running.push(tenancy);
      return tenancy;
    },
    async signUp(tenancy, ...ids) {
      for (const id of ids) await tenancy.catalog.create({ id, name: id });
      await tenancy.reconcile();
    },
    sql: async <T extends pg.QueryResultRow>(text: string, values: unknown[] = []) =>
      (await database.admin.query<T>(text, values)).rows,
    async inTenant(id, ...texts) {
      const client = await database.admin.connect();
      try {
        await client.query(`set search_path to "${id}_shop"`);
        for (const text of texts) await client.query(text);
      } finally {
        client.release(true);
      }
    },
    async close() {
      await Promise.all(running.map((each) => each.stop()));
      await rm(folder, { recursive: true });
      await database.drop();
    },
  };
}

/** All rows of a schema's tables, and where its sequences stand, as text that is the same only when every value is. */
export async function contentsOfSchema(shop: Pick<CopyShop, 'sql'>, schema: string): Promise<Record<string, unknown>> {
  const relations = await shop.sql<{ name: string; kind: string; columns: string | null }>(
    `select relname as name, relkind as kind,
            (select string_agg(quote_ident(attname), ', ' order by attname) from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped) as columns
       from pg_class c where relnamespace = $1::text::regnamespace and relkind in ('r', 'S', 'm') order by relname`,
    [`"${schema}"`],
  );
  const contents: Record<string, unknown> = {};
  for (const { name, kind, columns } of relations) {
    const what = kind === 'S' ? 'concat(last_value, is_called)' : `row(${columns ?? ''})::text`;
    const rows = await shop.sql<{ row: string }>(
      `select ${what} as row from only ${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)} order by 1`,
    );
    contents[name] = rows.map(({ row }) => row);
  }
  return contents;
}
