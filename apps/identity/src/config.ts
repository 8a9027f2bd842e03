import { fileURLToPath } from 'node:url';
import { type DatabaseConfig, type LogLevel, readDatabaseConfig, readPort, readServingOptions } from '@tenantry/host';
import type { TenancyOptions } from 'tenantry';

/** How this process is configured; the environment is read here and nowhere else. */
export interface ServiceConfig {
  readonly port: number;
  readonly logLevel: LogLevel;
  readonly database: DatabaseConfig;
  /** Where the embedded PostgreSQL keeps its data when no database is configured. */
  readonly dataDir: string;
  readonly tenancy: Partial<TenancyOptions>;
}

const besideTheApps = fileURLToPath(new URL('../../../.tenantry', import.meta.url));

export function readConfig(env: NodeJS.ProcessEnv): ServiceConfig {
  const dataDir = env['TENANTRY_DATA_DIR']?.trim() || besideTheApps;
  return {
    dataDir,
    port: readPort(env, 'IDENTITY_PORT', 3000),
    database: readDatabaseConfig(env),
    ...readServingOptions(env),
  };
}
