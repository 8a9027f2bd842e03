import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { TenancyError } from '../errors/tenancy-error.js';
import { replayed } from '../drift/replayed.js';
import { insideForm } from '../migrations/outside-statement.js';
import type { ShippedService } from '../migrations/tenant-migration.js';
import { one } from '../postgres/one.js';
import { quoteIdentifier } from '../postgres/quote.js';
import { inTransaction } from '../postgres/transaction.js';
import type { ResolvedAdoptConfig } from './adopt-config.js';
import type { AdoptionGround } from './adoption-ground.js';
import { readRelations } from './read-relations.js';
import { open } from './session.js';

/** What the tenant schemas will be made from. */
export type AdoptingService = Pick<ShippedService, 'migrations' | 'sharedSchemas'>;

/**
 * Reads what the shared tables are, and what the tenant tables will be: the migrations are replayed in a schema of which
 * nothing is left. Changes nothing.
 *
 * @throws TenancyError `TENANCY_ADOPTION_UNFIT` when a migration cannot be replayed.
 */
export function readGround(
  client: pg.ClientBase,
  config: ResolvedAdoptConfig,
  service: AdoptingService,
): Promise<AdoptionGround> {
  // With a dot, so that no tenant schema has this name.
  const targetSchema = `tenantry-adopt.${randomBytes(6).toString('hex')}`;
  const read = async (): Promise<AdoptionGround> => {
    const { schema = config.schema, table } = config.tenants;
    const source = await readRelations(
      client,
      config.schema,
      config.tables.map((each) => each.table),
    );
    const [tenants] = await readRelations(client, schema, [table]);
    await replay(client, targetSchema, service);
    const names = config.tables.map((each) => each.as ?? each.table);
    const target = await readRelations(client, targetSchema, names, targetSchema);
    const { rows } = await client.query<{ may: boolean }>("select has_language_privilege('plpgsql', 'usage') as may");
    const mayWriteFunctions = one(rows, 'select has_language_privilege(…)').may;
    return { source, tenants, target, targetSchema, sharedSchemas: service.sharedSchemas, mayWriteFunctions };
  };
  return inTransaction(client, open('read committed'), read, 'rollback');
}

async function replay(
  client: pg.ClientBase,
  schema: string,
  { migrations, sharedSchemas }: AdoptingService,
): Promise<void> {
  await client.query(`create schema ${quoteIdentifier(schema)}`);
  await client.query(`set local search_path to ${[schema, ...sharedSchemas].map(quoteIdentifier).join(', ')}`);
  for (const { name, kind, statements } of migrations) {
    try {
      for (const text of replayed(kind === 'outside' ? insideForm(statements) : statements)) await client.query(text);
    } catch (error) {
      const { message } = error as Error;
      throw new TenancyError(
        'TENANCY_ADOPTION_UNFIT',
        { reason: `the migration ${name} cannot be replayed: ${message}` },
        { cause: error },
      );
    }
  }
  await client.query("set local search_path to ''");
}
