import { quoteIdentifier, quoteLiteral } from '../postgres/quote.js';
import type { Statement } from '../postgres/one-flight.js';
import type { CompiledMigration } from './tenant-migration.js';

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
  return [
    { text: `set local search_path to ${path.map(quoteIdentifier).join(', ')}` },
    ...migrations.flatMap(({ statements }) => statements.map((text) => ({ text }))),
    // A migration may have moved the path or switched the role; the ledger must not follow it.
    { text: "set local search_path to ''" },
    {
      text: `insert into tenantry.ledger (schema_name, migration, checksum) values ${migrations
        .map(({ name, checksum }) => `(${[schema, name, checksum].map(quoteLiteral).join(', ')})`)
        .join(', ')}`,
    },
  ];
}
