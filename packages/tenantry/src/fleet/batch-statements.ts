import { insideForm } from '../migrations/outside-statement.js';
import type { CompiledMigration } from '../migrations/tenant-migration.js';
import { lockKey } from '../postgres/lock-key.js';
import type { Statement } from '../postgres/one-flight.js';
import { quoteIdentifier } from '../postgres/quote.js';
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
 * Opens a batch's transaction: locks its tenants, moves their heads and writes the ledger. What another process did
 * meanwhile shows here, before any DDL: a head that moved divides by zero, a migration that ran meets the ledger's key. A
 * schema is looked up by name, one by one: a join would read all of pg_namespace for every batch. Pure.
 */
export function openBatch(batch: Batch, { lockTimeoutMs, statementTimeoutMs }: BatchLimits): Statement[] {
  const { direction, schemas, from, to } = batch;
  // In one order for everybody, so that two batches never wait for each other.
  const keys = schemas.map((schema) => lockKey(`schema:${schema}`)).toSorted();
  return [
    { text: 'begin isolation level read committed' },
    {
      text: "select set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true), set_config('search_path', '', true)",
      values: [`${statementTimeoutMs}`, `${lockTimeoutMs}`],
    },
    { text: 'select pg_advisory_xact_lock(k) from unnest($1::bigint[]) k', values: [keys] },
    {
      text: `with moved as (update tenantry.tenant_schema set head = $1, held = $2
                              where schema_name = any($3::text[]) and head is not distinct from $4
                                and pg_catalog.to_regnamespace(pg_catalog.quote_ident(schema_name)) is not null returning 1)
             select 1 / (count(*) = $5)::int from moved`,
      values: [to, direction === 'down', schemas, from, schemas.length],
    },
    direction === 'up' ? writeLedger(batch) : eraseLedger(batch),
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

function writeLedger({ schemas, migrations }: Batch): Statement {
  return {
    text: `insert into tenantry.ledger (schema_name, migration, checksum)
           select s, m.name, m.checksum from unnest($1::text[]) s, unnest($2::text[], $3::text[]) m (name, checksum)`,
    values: [schemas, migrations.map(({ name }) => name), migrations.map(({ checksum }) => checksum)],
  };
}

function eraseLedger({ schemas, migrations }: Batch): Statement {
  return {
    text: `with erased as (delete from tenantry.ledger where schema_name = any($1::text[]) and migration = any($2::text[]) returning 1)
           select 1 / (count(*) = $3)::int from erased`,
    values: [schemas, migrations.map(({ name }) => name), schemas.length * migrations.length],
  };
}
