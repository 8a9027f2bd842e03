import pg from 'pg';
import { installCatalog } from '../../packages/tenantry/src/catalog/install-catalog.js';
import { inCatalogTransaction } from '../../packages/tenantry/src/catalog/in-catalog-transaction.js';
import { databaseUrl, templateDatabase } from './database.js';

/** Installs the catalog once into the database that every test's database is a copy of. */
export async function installTemplate(serverUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl(serverUrl, templateDatabase) });
  await client.connect();
  await inCatalogTransaction(client, () => installCatalog(client));
  await client.end();
}
