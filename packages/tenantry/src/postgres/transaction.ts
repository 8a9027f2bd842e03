import type pg from 'pg';
import type { Statement } from './one-flight.js';

/** What lends connections, one at a time. */
export type Lender = Pick<pg.Pool, 'connect'>;

/** How a transaction is set. */
export interface TransactionTerms {
  /** @default 'read committed', whatever the database's default is: what is read under a lock must be newer than the wait for it */
  readonly isolation?: 'read committed' | 'repeatable read' | 'repeatable read read only';
  /** Milliseconds that one statement may take; 0 is no limit. @default as the connection has it */
  readonly statementTimeoutMs?: number;
  /** Milliseconds that a lock may be waited for; 0 is no limit. @default as the connection has it */
  readonly lockTimeoutMs?: number;
}

type End = 'commit' | 'rollback';

/** Statements that open a transaction. Pure. */
export function opening({
  isolation = 'read committed',
  statementTimeoutMs,
  lockTimeoutMs,
}: TransactionTerms = {}): Statement[] {
  return [
    `begin isolation level ${isolation}`,
    ...(statementTimeoutMs === undefined ? [] : [`set local statement_timeout to ${statementTimeoutMs}`]),
    ...(lockTimeoutMs === undefined ? [] : [`set local lock_timeout to ${lockTimeoutMs}`]),
  ].map((text) => ({ text }));
}

/**
 * Runs code in a transaction of a connection that the caller has. Nothing of it stays when the code fails.
 *
 * @param open - What opens it, such as {@link opening}.
 * @param end - `rollback` when nothing of it may stay in any case. @default 'commit'
 */
export async function inTransaction<T>(
  client: pg.ClientBase,
  open: readonly Statement[],
  fn: () => Promise<T>,
  end: End = 'commit',
): Promise<T> {
  try {
    return await run(client, open, fn, end);
  } catch (error) {
    await rollBack(client);
    throw error;
  }
}

/** As {@link inTransaction}, on a connection that is borrowed for it as {@link onConnection} does. */
export function inOwnTransaction<T>(
  owner: Lender,
  open: readonly Statement[],
  fn: (client: pg.PoolClient) => Promise<T>,
  { end = 'commit', ...borrowing }: Borrowing & { readonly end?: End } = {},
): Promise<T> {
  return onConnection(owner, (client) => run(client, open, () => fn(client), end), borrowing);
}

/** What is to happen to a borrowed connection. */
export interface Borrowing {
  /** Whether the pool should replace the connection though nothing is wrong with it. @default false */
  readonly spent?: boolean;
  /** Called when the code failed, with the connection after its rollback, unless that is broken. */
  afterFailure?(client: pg.PoolClient, error: unknown): Promise<void>;
}

/**
 * Lends code a connection, in which it may open a transaction. When the code fails, its transaction is rolled back; a
 * connection that cannot do even that is broken, and the pool replaces it.
 */
export async function onConnection<T>(
  owner: Lender,
  fn: (client: pg.PoolClient) => Promise<T>,
  { spent = false, afterFailure }: Borrowing = {},
): Promise<T> {
  const client = await owner.connect();
  let broken = false;
  try {
    return await fn(client);
  } catch (error) {
    broken = !(await rollBack(client));
    if (!broken) await afterFailure?.(client, error);
    throw error;
  } finally {
    client.release(broken || spent);
  }
}

async function run<T>(client: pg.ClientBase, open: readonly Statement[], fn: () => Promise<T>, end: End): Promise<T> {
  for (const { text, values } of open) await client.query(text, values && [...values]);
  const result = await fn();
  if (end === 'commit') await client.query('commit');
  else await rollBack(client);
  return result;
}

/** Ends a transaction, of which nothing stays. @returns Whether the connection is still good. */
function rollBack(client: pg.ClientBase): Promise<boolean> {
  return client.query('rollback').then(
    () => true,
    () => false,
  );
}
