import { Migration } from '@mikro-orm/migrations';
import type { MigrationClass } from '../../packages/tenantry/src/migrations/tenant-migration.js';

/** A migration of these statements. */
export function migrationOf(...statements: string[]): MigrationClass {
  return class extends Migration {
    override up(): void {
      for (const statement of statements) this.addSql(statement);
    }
  };
}
