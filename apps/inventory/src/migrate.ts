import { loadEnvFile, resolveDatabase, runMain } from '@tenantry/host';
import { Tenancy } from 'tenantry';
import { readConfig } from './config.js';
import { tenancyOptions } from './inventory.module.js';

/** Brings what this service ships to the database: the migrations that every tenant gets. */
await runMain(async () => {
  loadEnvFile();
  const { database, dataDir } = readConfig(process.env);
  const { url, ownerUrl, stop } = await resolveDatabase(database, { dataDir });
  try {
    const tenancy = await Tenancy.start({
      ...tenancyOptions,
      url,
      ownerUrl,
      reconcile: { automatic: false },
      logger: console,
    });
    await tenancy.stop();
    console.log('inventory: its migrations are registered; GET /users/migrate brings the tenants to head');
  } finally {
    await stop();
  }
});
