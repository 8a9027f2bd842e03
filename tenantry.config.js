// What `npm run tenantry` works on: this repository's services, built, and the database of .env or the embedded one.
import { loadEnvFile, readDatabaseConfig, resolveDatabase } from '@tenantry/host';
import { defineConfig } from 'tenantry/cli';
import { User } from './apps/identity/dist/users/user.entity.js';
import { migrations as identityMigrations } from './apps/identity/dist/migrations/index.js';
import { Item } from './apps/inventory/dist/items/item.entity.js';
import { migrations } from './apps/inventory/dist/migrations/index.js';

export default defineConfig({
  database: () => {
    loadEnvFile();
    const dataDir = process.env['TENANTRY_DATA_DIR']?.trim() || new URL('.tenantry', import.meta.url).pathname;
    return resolveDatabase(readDatabaseConfig(process.env), { dataDir });
  },
  services: {
    identity: {
      shared: { schema: 'identity', migrations: identityMigrations, migrationsDir: 'apps/identity/src/migrations' },
      tenantRows: [{ table: 'identity.user', column: 'id' }],
      entities: [User],
    },
    inventory: { migrations, migrationsDir: 'apps/inventory/src/migrations', entities: [Item] },
  },
});
