import type { Migration } from '@mikro-orm/migrations';

/** A MikroORM migration class. Its DDL is unqualified: the same statements run in every tenant schema. */
export type MigrationClass = new (...args: ConstructorParameters<typeof Migration>) => Migration;

/** A service's migrations by name, in the order in which they run. */
export type MigrationList = Readonly<Record<string, MigrationClass>>;

/**
 * How a migration runs. `sql`: its statements, in one transaction with the ledger. `code`: the same, but with code between
 * them (`this.execute`), so only a process that ships the class can run it. `outside`: statements that PostgreSQL allows only
 * outside a transaction, such as `create index concurrently`.
 */
export type MigrationKind = 'sql' | 'code' | 'outside';

/** One migration as data: what runs in each tenant schema. */
export interface CompiledMigration {
  readonly name: string;
  readonly kind: MigrationKind;
  /** SHA-256 over the statements, in hex. */
  readonly checksum: string;
  /** Of a `code` migration: what it ran when every query found nothing. */
  readonly statements: readonly string[];
  /** What takes it back; `null` when it has no `down()`. */
  readonly down: readonly string[] | null;
}

/** What one service's tenant schemas are made from. The catalog has it too, so any process with the owner role can make them. */
export interface ShippedService {
  readonly migrations: readonly CompiledMigration[];
  /** Schemas on the search path of its migrations, after the tenant's own. */
  readonly sharedSchemas: readonly string[];
  /** The login that serves it. */
  readonly serviceRole: string;
}
