import { loadEnvFile, runMain, shipService } from '@tenantry/host';
import { readConfig } from './config.js';
import { tenancyOptions } from './inventory.module.js';

/** Brings what this service ships to the database: the migrations that every tenant gets. */
await runMain(async () => {
  loadEnvFile();
  await shipService(readConfig(process.env), tenancyOptions);
  console.log('inventory: its migrations are registered; GET /users/migrate brings the tenants to head');
});
