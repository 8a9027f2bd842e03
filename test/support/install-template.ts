import pg from 'pg';
import { installCatalog } from '../../packages/tenantry/src/catalog/install-catalog.js';
import { inLockedTransaction } from '../../packages/tenantry/src/postgres/in-locked-transaction.js';
import { databaseUrl, templateDatabase } from './database.js';

/** Installs the catalog once into the database that every test's database is a copy of. */
export async function installTemplate(serverUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl(serverUrl, templateDatabase) });
  await client.connect();
  await inLockedTransaction(client, 'catalog', () => installCatalog(client));
  await client.end();
}
