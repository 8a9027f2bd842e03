import type pg from 'pg';
import type { StatementError } from './failure-of.js';

/**
 * Runs code with a client of which a failure knows its statement.
 *
 * @throws What the code throws; an error of PostgreSQL has the `statement` then.
 */
export async function tellingStatement<C extends pg.ClientBase, T>(
  client: C,
  run: (telling: C) => Promise<T>,
): Promise<T> {
  let last: string | undefined;
  const telling = new Proxy(client, {
    get(target, key) {
      if (key !== 'query') return Reflect.get(target, key, target);
      return (first: unknown, ...rest: unknown[]) => {
        last = typeof first === 'string' ? first : (first as { text?: string } | null)?.text;
        return (target.query as (...args: unknown[]) => unknown).call(target, first, ...rest);
      };
    },
  });
  try {
    return await run(telling);
  } catch (error) {
    if (error instanceof Error && last !== undefined) (error as StatementError).statement ??= last;
    throw error;
  }
}
