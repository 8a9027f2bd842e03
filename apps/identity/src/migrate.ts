import { loadEnvFile, runMain, shipService } from '@tenantry/host';
import { readConfig } from './config.js';
import { tenancyOptions } from './identity.module.js';

/** Brings what this service ships to the database: the catalog and its own tables. */
await runMain(async () => {
  loadEnvFile();
  await shipService(readConfig(process.env), tenancyOptions);
  console.log('identity: the catalog and the schema "identity" are at head');
});
