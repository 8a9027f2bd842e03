import { insideForm } from '../migrations/outside-statement.js';
import type { CompiledMigration } from '../migrations/tenant-migration.js';
import type { Statement } from '../postgres/one-flight.js';
import { quoteIdentifier } from '../postgres/quote.js';
import { opening } from '../postgres/transaction.js';
import type { SchemaName } from '../tenant/schema-name.js';
import type { Direction } from './rollout-plan.js';

/** Tenant schemas with the same head, and what takes all of them to another one. */
export interface Batch {
  readonly direction: Direction;
  readonly schemas: readonly SchemaName[];
  readonly from: string | null;
  readonly to: string | null;
  readonly migrations: readonly CompiledMigration[];
  readonly sharedSchemas: readonly string[];
}

/** Milliseconds; 0 is no limit. */
export interface BatchLimits {
  readonly lockTimeoutMs: number;
  readonly statementTimeoutMs: number;
}

/**
 * Opens a batch's transaction: locks its tenants, moves their heads and writes the ledger. PostgreSQL refuses it when
 * another process moved one of them meanwhile. Who runs it tells other processes of the new heads. Pure.
 */
export function openBatch(batch: Batch, { lockTimeoutMs, statementTimeoutMs }: BatchLimits): Statement[] {
  const { direction, schemas, from, to, migrations } = batch;
  const [names, checksums] = [migrations.map(({ name }) => name), migrations.map(({ checksum }) => checksum)];
  return [
    ...opening(),
    {
      text: `select set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true), set_config('search_path', '', true),
                    set_config('tenantry.told_later', 'on', true)`,
      values: [`${statementTimeoutMs}`, `${lockTimeoutMs}`],
    },
    {
      text: 'select tenantry.open_batch($1, $2, $3, $4, $5, $6, $7)',
      values: [schemas, lockTimeoutMs || 30_000, from, to, direction === 'up', names, checksums],
    },
  ];
}

/** The migrations themselves, tenant by tenant. Pure. */
export function runBatch({ direction, schemas, migrations, sharedSchemas }: Batch): Statement[] {
  const texts = migrations.flatMap((migration) => (direction === 'up' ? migration.statements : downOf(migration)));
  const statements = texts.map((text) => ({ text }));
  if (statements.length === 0) return [];
  return schemas.flatMap((schema) => [enterSchema(schema, sharedSchemas), ...statements]);
}

/** In a transaction, whatever it was on the way up: the head and the schema go back together. */
function downOf({ kind, down }: CompiledMigration): readonly string[] {
  return kind === 'outside' ? insideForm(down ?? []) : (down ?? []);
}

/** Makes unqualified names mean one tenant's tables until the end of the transaction. Pure. */
export function enterSchema(schema: string, sharedSchemas: readonly string[]): Statement {
  return { text: `set local search_path to ${[schema, ...sharedSchemas].map(quoteIdentifier).join(', ')}` };
}
