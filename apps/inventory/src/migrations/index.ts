import type { MigrationList } from 'tenantry';
import { ItemMigration } from './000001-item.js';

/** In the order in which they run. */
export const migrations: MigrationList = {
  '000001-item': ItemMigration,
};
