import pg from 'pg';
import { OwnerPool } from '../../postgres/owner-pool.js';
import { connectError } from '../../postgres/translate-error.js';

/**
 * Runs code on a connection of the owner role that is made for it: `COPY` cannot share one that sends ahead, and a backend
 * that touched every table of a tenant is better given back.
 *
 * @param owner - The pool whose settings it takes.
 */
export async function onOwnConnection<T>(owner: pg.Pool, fn: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    ...owner.options,
    pipeline: false,
    connectionTimeoutMillis: 5000,
    application_name: 'tenantry rows',
  });
  client.on('error', () => undefined);
  try {
    await client.connect().catch((error: unknown) => {
      throw connectError(error, owner instanceof OwnerPool ? owner.variable : 'DATABASE_OWNER_URL');
    });
    return await fn(client);
  } finally {
    // Also after a failure in the middle of a COPY: the server notices the end and rolls back.
    await client.end().catch(() => undefined);
  }
}
