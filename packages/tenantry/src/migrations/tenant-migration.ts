import type { Migration } from '@mikro-orm/migrations';

/** A MikroORM migration class. Its DDL is unqualified: the same statements run in every tenant schema. */
export type MigrationClass = new (...args: ConstructorParameters<typeof Migration>) => Migration;

/** A service's migrations by name, in the order in which they run. */
export type MigrationList = Readonly<Record<string, MigrationClass>>;

/** One migration as data: what runs in each tenant schema. */
export interface CompiledMigration {
  readonly name: string;
  /** SHA-256 over the statements, in hex. */
  readonly checksum: string;
  readonly statements: readonly string[];
}

/** What one service's tenant schemas are made from. The catalog has it too, so any process with the owner role can make them. */
export interface ShippedService {
  readonly migrations: readonly CompiledMigration[];
  /** Schemas on the search path of its migrations, after the tenant's own. */
  readonly sharedSchemas: readonly string[];
  /** The login that serves it. */
  readonly serviceRole: string;
}
