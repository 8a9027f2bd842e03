import { loadEnvFile, resolveDatabase, runMain, startService } from '@tenantry/host';
import { readConfig } from './config.js';
import { IdentityModule } from './identity.module.js';

await runMain(async () => {
  loadEnvFile();
  const { port, logLevel, database, dataDir, tenancy } = readConfig(process.env);
  const { stop: onStopped, ...urls } = await resolveDatabase(database, { dataDir });
  await startService({
    name: 'identity',
    port,
    logLevel,
    module: IdentityModule.forRoot({ ...tenancy, url: urls.url, ownerUrl: urls.ownerUrl }),
    openApi: { title: 'identity', description: 'Users. Each user is a tenant.' },
    onStopped,
  });
});
