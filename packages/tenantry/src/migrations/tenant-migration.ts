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
