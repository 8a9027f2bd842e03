import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { TenancyError } from '../errors/tenancy-error.js';
import { type OutsideStatement, outsideStatement } from '../migrations/outside-statement.js';
import type { CompiledMigration } from '../migrations/tenant-migration.js';
import { lockKey, lockNames } from '../postgres/lock-names.js';
import { one } from '../postgres/one.js';
import { quoteIdentifier } from '../postgres/quote.js';
import { inTransaction, opening } from '../postgres/transaction.js';
import { lockHeld } from '../postgres/take-lock.js';
import type { StatementError } from './failure-of.js';
import type { ServiceContext } from './service-context.js';
import { tellingStatement } from './telling-statement.js';
import { tellHolders } from './tell-holders.js';
import type { WaitWatch } from './wait-watch.js';

/**
 * Runs the statements of an `outside` migration in one tenant schema, in no transaction, and on a connection that nobody uses
 * afterwards: what is set there stays there.
 * Safe to call again after a crash: what is there is not built again, and what was left INVALID is dropped first.
 *
 * @throws TenancyError `TENANCY_MIGRATION_FAILED` behind a pooler, where the search path would go to somebody else.
 */
export async function runOutside(
  { owner, shipped, outsideWaitMs, statementTimeoutMs }: ServiceContext,
  schema: string,
  { statements }: CompiledMigration,
  watch: WaitWatch,
): Promise<void> {
  const client = await owner.connect();
  try {
    await refusePooler(client, schema);
    await lockOutside(client, schema, statementTimeoutMs || 600_000);
    const path = [schema, ...shipped.sharedSchemas].map(quoteIdentifier).join(', ');
    await client.query(`set search_path to ${path}`);
    // A concurrent build waits for transactions of others, and nobody queues behind that wait. So it may be long.
    await client.query(`set lock_timeout to ${outsideWaitMs}`);
    await client.query(`set statement_timeout to ${statementTimeoutMs}`);
    for (const text of statements) {
      const statement = outsideStatement(text) ?? { text };
      const run = () =>
        tellingStatement(client, async (telling) => {
          if (await stillNeeded(telling, schema, statement)) await runStatement(telling, statement);
        });
      await watch.during(client, outsideWaitMs, run, text).catch(async (error: unknown) => {
        if (error instanceof Error) (error as StatementError).statement = text;
        await tellHolders(client, schema, error);
        throw error instanceof Error ? Object.assign(error, { outside: true }) : error;
      });
    }
  } finally {
    client.release(true);
  }
}

/**
 * An index that waits for its table has a snapshot, and all others that are built in the database would wait for it. So the
 * lock is waited for without one, given back, and taken by the statement at once.
 */
async function runStatement(client: pg.PoolClient, { text, on }: OutsideStatement): Promise<void> {
  if (on !== undefined) {
    const lock = `lock table ${quoteIdentifier(on)} in share update exclusive mode`;
    await inTransaction(client, opening(), () => client.query(lock), 'rollback');
  }
  await client.query(text);
}

/** In transaction mode every statement gets another backend, and the search path would stay behind on one of them. */
async function refusePooler(client: pg.PoolClient, schema: string): Promise<void> {
  const { processID } = client as unknown as { processID: number };
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  if (one(rows, 'select pg_backend_pid()').pid !== processID) {
    const reason =
      'statements outside a transaction need a direct connection, and DATABASE_OWNER_URL leads through a pooler';
    throw new TenancyError('TENANCY_MIGRATION_FAILED', { schema, outcome: 'before it began', reason });
  }
}

/**
 * Tries again and again instead of waiting inside a statement: a statement that waits has a snapshot, and every index
 * that is built concurrently waits for it.
 */
async function lockOutside(client: pg.PoolClient, schema: string, waitMs: number): Promise<void> {
  const name = lockNames.outside(schema);
  for (const begun = performance.now(); ;) {
    const { rows } = await client.query<{ mine: boolean }>(`select pg_try_advisory_lock(${lockKey(name)}) as mine`);
    if (one(rows, 'select pg_try_advisory_lock(…)').mine) return;
    if (performance.now() - begun > waitMs) throw await lockHeld(client, name, waitMs);
    await sleep(100);
  }
}

async function stillNeeded(
  client: pg.PoolClient,
  schema: string,
  { builds, drops, rebuilds }: OutsideStatement,
): Promise<boolean> {
  if (rebuilds) await dropRemains(client, schema);
  const index = builds ?? drops;
  if (index === undefined) return true;
  const { rows } = await client.query<{ valid: boolean }>(
    `select i.indisvalid and i.indisready as valid from pg_index i join pg_class c on c.oid = i.indexrelid
       join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relname = $2`,
    [schema, index],
  );
  const [found] = rows;
  if (drops !== undefined) return found !== undefined;
  if (found?.valid) return false;
  if (found) await client.query(`drop index concurrently ${quoteIdentifier(schema)}.${quoteIdentifier(index)}`);
  return true;
}

/** What `reindex concurrently` leaves behind when it is ended: the new index that is not finished, or the old one. */
async function dropRemains(client: pg.PoolClient, schema: string): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `select c.relname as name from pg_index i join pg_class c on c.oid = i.indexrelid
      where c.relnamespace = to_regnamespace(quote_ident($1)) and not i.indisvalid and c.relname ~ '_cc(?:new|old)\\d*$'`,
    [schema],
  );
  for (const { name } of rows)
    await client.query(`drop index concurrently if exists ${quoteIdentifier(schema)}.${quoteIdentifier(name)}`);
}
