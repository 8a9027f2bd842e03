import { realpath } from 'node:fs/promises';
import { Client } from 'pg';
import type { Home } from './home.js';

/** The superuser's URL of a local server. */
export function localUrl(port: number, password: string, database = 'postgres'): string {
  return `postgres://postgres:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`;
}

/** Whether the server behind `url` answers and serves this very cluster, not another one that got the same port. */
export async function servesCluster(home: Home, url: string): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000, query_timeout: 5_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ data_directory: string }>('show data_directory');
    return rows[0] !== undefined && (await realpath(rows[0].data_directory)) === (await realpath(home.cluster));
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
