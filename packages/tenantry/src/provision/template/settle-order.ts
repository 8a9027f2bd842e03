import type { Querier } from '../../postgres/querier.js';

/**
 * Runs statements in an order in which they can run: one that needs what is not there yet is tried again after the others.
 * PostgreSQL itself knows best what needs what.
 *
 * @param client - In a transaction.
 * @param run - Runs one statement.
 * @returns The statements in an order that works.
 * @throws Error what PostgreSQL says when none of the rest can run.
 */
export async function settleOrder(
  client: Querier,
  statements: readonly string[],
  run: (statement: string) => Promise<unknown>,
): Promise<readonly string[]> {
  const settled: string[] = [];
  for (let rest = statements; rest.length > 0;) {
    const waiting: string[] = [];
    let refusal: unknown;
    for (const statement of rest) {
      await client.query('savepoint tenantry_template');
      try {
        await run(statement);
        settled.push(statement);
      } catch (error) {
        await client.query('rollback to savepoint tenantry_template');
        refusal ??= error;
        waiting.push(statement);
      }
      await client.query('release savepoint tenantry_template');
    }
    if (waiting.length === rest.length) throw refusal;
    rest = waiting;
  }
  return settled;
}
