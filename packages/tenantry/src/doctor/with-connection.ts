import pg from 'pg';
import { translateError } from '../postgres/translate-error.js';

/** Runs code with one connection of its own. */
export async function withConnection<T>(
  connectionString: string,
  fn: (client: pg.Client) => Promise<T>,
  connectionTimeoutMillis = 5000,
): Promise<T> {
  const client = new pg.Client({
    connectionString,
    connectionTimeoutMillis,
    fallback_application_name: 'tenantry doctor',
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await fn(client);
  } catch (error) {
    throw translateError(error) ?? error;
  } finally {
    await client.end().catch(() => undefined);
  }
}
