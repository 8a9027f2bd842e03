import { loadEnvFile, resolveDatabase, runMain, startService } from '@tenantry/host';
import { readConfig } from './config.js';
import { InventoryModule } from './inventory.module.js';

await runMain(async () => {
  loadEnvFile();
  const { port, logLevel, database, dataDir, tenancy } = readConfig(process.env);
  const { stop: onStopped, ...urls } = await resolveDatabase(database, { dataDir });
  await startService({
    name: 'inventory',
    port,
    logLevel,
    module: InventoryModule.forRoot({ ...tenancy, url: urls.url, ownerUrl: urls.ownerUrl }),
    openApi: { title: 'inventory', description: 'Items, in a schema for each tenant.', tenantHeader: 'x-client' },
    onStopped,
  });
});
