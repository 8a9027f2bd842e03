import { quoteIdentifier, quoteLiteral } from '../postgres/quote.js';
import type { Statement } from '../postgres/one-flight.js';
import type { CompiledMigration } from './tenant-migration.js';

/**
 * The statements that run one or more migrations in one schema, for the middle of a transaction. Pure.
 *
 * @param path - Empty where the transaction is in the schema already.
 */
export function runStatements(path: readonly string[], texts: readonly string[]): Statement[] {
  const enter = path.length === 0 ? [] : [{ text: `set local search_path to ${path.map(quoteIdentifier).join(', ')}` }];
  return [...enter, ...texts.map((text) => ({ text }))];
}

/** Writes migrations into the ledger. Pure. */
export function recordMigrations(schema: string, migrations: readonly CompiledMigration[]): Statement[] {
  const rows = migrations.map(({ name, checksum }) => `(${[schema, name, checksum].map(quoteLiteral).join(', ')})`);
  return [
    // A migration may have moved the path or switched the role; the ledger must not follow it.
    { text: "set local search_path to ''" },
    { text: `insert into tenantry.ledger (schema_name, migration, checksum) values ${rows.join(', ')}` },
  ];
}

/**
 * The statements that run migrations in one schema and write its ledger, for the middle of a transaction. Pure.
 *
 * @param path - Schemas for the search path, the first one takes the new objects.
 */
export function applyStatements(
  schema: string,
  path: readonly string[],
  migrations: readonly CompiledMigration[],
): Statement[] {
  if (migrations.length === 0) return [];
  const texts = migrations.flatMap(({ statements }) => statements);
  return [...runStatements(path, texts), ...recordMigrations(schema, migrations)];
}
