import type pg from 'pg';
import { sqlstate, sqlstateOf } from '../postgres/sqlstate.js';
import { type StatementError, shortened } from './failure-of.js';
import { describeTransactions, readHolders, readOldTransactions } from './open-transaction.js';

/**
 * Adds to the error of a wait who may be behind it, where nobody saw it wait: there was no free connection to look from.
 *
 * @param client - The connection that has waited.
 */
export async function tellHolders(client: pg.ClientBase, schema: string, error: unknown): Promise<void> {
  if (!(error instanceof Error) || sqlstateOf(error) !== sqlstate.lockNotAvailable) return;
  const failed = error as StatementError;
  // The error of one of Tenantry's own locks names its holder already.
  if (failed.waited !== undefined || (error as { schema?: string }).schema === 'tenantry') return;
  const holders = await readHolders(client, schema).catch(() => []);
  const old = holders.length > 0 ? [] : await readOldTransactions(client, 1000).catch(() => []);
  const what = failed.statement === undefined ? 'it' : `"${shortened(failed.statement)}"`;
  if (holders.length > 0)
    failed.waited = `${what} waited, and these hold locks in the schema: ${describeTransactions(holders)}`;
  else if (old.length > 0)
    failed.waited = `${what} waited, and these are the oldest transactions: ${describeTransactions(old)}`;
}
