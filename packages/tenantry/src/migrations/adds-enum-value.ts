import type { CompiledMigration } from './tenant-migration.js';

/**
 * Whether a migration may give an enum that existed before another value, also inside a `do` block: PostgreSQL lets nobody
 * use it before the transaction that added it has ended. Pure.
 */
export function addsEnumValue(statements: CompiledMigration['statements']): boolean {
  return statements.some((text) => /\balter\s+type\b[\s\S]*?\badd\s+value\b/i.test(text));
}
