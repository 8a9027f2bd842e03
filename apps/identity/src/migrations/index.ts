import type { MigrationList } from 'tenantry';
import { UserMigration } from './000001-user.js';

/** In the order in which they run. */
export const migrations: MigrationList = {
  '000001-user': UserMigration,
};
