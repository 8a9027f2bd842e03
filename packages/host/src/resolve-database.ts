import { Client } from 'pg';
import type { DatabaseConfig } from './database-config.js';
import { type LocalPostgres, startLocalPostgres } from './local-postgres/index.js';

/** Where the embedded PostgreSQL keeps what belongs to it. */
export type EmbeddedFiles = Pick<LocalPostgres, 'clusterDir' | 'passwordFile'>;

/** A database that is there to be used. */
export interface ResolvedDatabase {
  readonly url: string;
  /** May run DDL. Absent when the one URL has to do for both. */
  readonly ownerUrl?: string;
  /** Files of the embedded PostgreSQL; absent for any other database. */
  readonly embedded?: EmbeddedFiles;
  /** Ends the use of the embedded PostgreSQL, which stops with its last user. Does nothing for any other database. */
  stop(): Promise<void>;
}

export interface ResolveOptions {
  /** Where the embedded PostgreSQL keeps its data: `<repository>/.tenantry`. */
  readonly dataDir: string;
  /** Receives one line for each step that takes noticeable time. @default nothing is said */
  readonly log?: (line: string) => void;
}

const embeddedDatabase = 'tenantry';

/** Answers the configured database, or starts (or joins) the embedded one with a database named `tenantry`. */
export async function resolveDatabase(config: DatabaseConfig, options: ResolveOptions): Promise<ResolvedDatabase> {
  const { url, ownerUrl } = config;
  if (url !== undefined) {
    return { url, ...(ownerUrl !== undefined && { ownerUrl }), stop: () => Promise.resolve() };
  }
  const postgres = await startLocalPostgres(options);
  try {
    await createDatabase(postgres.url);
  } catch (error) {
    await postgres.stop();
    throw error;
  }
  const embeddedUrl = new URL(postgres.url);
  embeddedUrl.pathname = `/${embeddedDatabase}`;
  return { url: embeddedUrl.href, embedded: postgres, stop: () => postgres.stop() };
}

async function createDatabase(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [embeddedDatabase]);
    if (rowCount === 0) await client.query(`create database ${embeddedDatabase}`);
  } catch (error) {
    // 42P04, 23505: another process created it first, which is what we wanted.
    const { code } = error as { code?: string };
    if (code !== '42P04' && code !== '23505') throw error;
  } finally {
    await client.end();
  }
}
