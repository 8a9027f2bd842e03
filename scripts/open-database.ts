import { loadEnvFile, readDatabaseConfig, resolveDatabase, type ResolvedDatabase } from '@tenantry/host';
import path from 'node:path';
import { root } from './services.ts';

/** The database that `.env` and the environment name, or the embedded one in `.tenantry` (`TENANTRY_DATA_DIR`). */
export async function openDatabase(log?: (line: string) => void): Promise<ResolvedDatabase> {
  loadEnvFile();
  const dataDir = process.env['TENANTRY_DATA_DIR']?.trim() || path.join(root, '.tenantry');
  return resolveDatabase(readDatabaseConfig(process.env), { dataDir, ...(log && { log }) });
}

/** The environment in which a service uses this database. */
export function environmentFor({ url, ownerUrl }: ResolvedDatabase): NodeJS.ProcessEnv {
  return { ...process.env, DATABASE_URL: url, ...(ownerUrl !== undefined && { DATABASE_OWNER_URL: ownerUrl }) };
}
