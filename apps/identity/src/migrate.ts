import { loadEnvFile, resolveDatabase, runMain } from '@tenantry/host';
import { Tenancy } from 'tenantry';
import { readConfig } from './config.js';
import { tenancyOptions } from './identity.module.js';

/** Brings what this service ships to the database: the catalog and its own tables. */
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
    console.log('identity: the catalog and the schema "identity" are at head');
  } finally {
    await stop();
  }
});
