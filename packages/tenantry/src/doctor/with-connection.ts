import pg from 'pg';
import { connectError, translateError } from '../postgres/translate-error.js';

/** Where a connection leads, and what the operator set for it. */
export interface NamedUrl {
  readonly url: string;
  /** Such as `DATABASE_OWNER_URL`: an error of connecting names it. */
  readonly variable: string;
}

/** Runs code with one connection of its own. */
export async function withConnection<T>(
  { url: connectionString, variable }: NamedUrl,
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
    await client.connect().catch((error: unknown) => {
      throw connectError(error, variable);
    });
    return await fn(client);
  } catch (error) {
    throw translateError(error) ?? error;
  } finally {
    await client.end().catch(() => undefined);
  }
}
