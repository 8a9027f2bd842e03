import type pg from 'pg';
import { TenancyError } from '../errors/tenancy-error.js';
import { type NumberedSql, readNumberedSql } from '../postgres/numbered-sql.js';
import { one } from '../postgres/one.js';
import type { Querier } from '../postgres/querier.js';

const sqlFolder = new URL('../../sql/', import.meta.url);

/** Versions of the catalog, before and after. */
export interface CatalogVersions {
  readonly before: number;
  readonly after: number;
}

/**
 * Installs or updates the catalog.
 *
 * @param owner - A connection of the owner role, in the transaction of {@link inCatalogTransaction}.
 * @throws TenancyError `TENANCY_CATALOG_NEWER` when the catalog has a breaking change that this version does not know.
 */
export async function installCatalog(owner: pg.ClientBase): Promise<CatalogVersions> {
  const files = await readNumberedSql(sqlFolder);
  const before = await readVersion(owner, files);
  for (const file of files.filter(({ version }) => version > before)) {
    await owner.query(file.sql);
    await owner.query('insert into tenantry.catalog_version (version, breaking) values ($1, $2)', [
      file.version,
      file.breaking,
    ]);
  }
  return { before, after: Math.max(before, files.at(-1)?.version ?? 0) };
}

/**
 * Refuses to serve from a catalog that is missing, too old, or newer in a way this version cannot serve.
 *
 * @param variable - What the operator set for the connection's URL.
 * @throws TenancyError `TENANCY_CATALOG_MISSING` or `TENANCY_CATALOG_NEWER`.
 */
export async function requireCatalog(client: Querier, variable = 'DATABASE_URL'): Promise<void> {
  const files = await readNumberedSql(sqlFolder);
  const { rows } = await client.query<{ database: string; readable: boolean | null }>(
    `select current_database() as database,
            (select has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
               from pg_class c join pg_namespace n on n.oid = c.relnamespace
              where n.nspname = 'tenantry' and c.relname = 'catalog_version') as readable`,
  );
  const { database, readable } = one(rows, 'select current_database(), …');
  const missing = (reason: string) => new TenancyError('TENANCY_CATALOG_MISSING', { reason });
  if (readable === null) throw missing(`is not in the database "${database}" that ${variable} names`);
  if (!readable) throw missing(`may not be read by the role of ${variable}`);
  const [version, needed] = [await readVersion(client, files), files.at(-1)?.version ?? 0];
  if (version < needed) throw missing(`is at version ${version}, and this version of Tenantry needs ${needed}`);
}

async function readVersion(client: Querier, files: readonly NumberedSql[]): Promise<number> {
  const known = files.at(-1)?.version ?? 0;
  const { rows } = await client.query<{ version: number | null; breaking: number | null }>(
    `select max(version)::int as version, max(version) filter (where breaking and version > $1)::int as breaking
       from tenantry.catalog_version`,
    [known],
  );
  const row = one(rows, 'select max(version) from tenantry.catalog_version');
  if (row.breaking) throw new TenancyError('TENANCY_CATALOG_NEWER', { version: row.breaking, known });
  return row.version ?? 0;
}
