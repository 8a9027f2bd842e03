import { fileURLToPath } from 'node:url';
import { type DatabaseConfig, type LogLevel, readDatabaseConfig, readPort, readServingOptions } from '@tenantry/host';
import type { TenancyOptions } from 'tenantry';

/** How this process is configured; the environment is read here and nowhere else. */
export interface ServiceConfig {
  readonly port: number;
  readonly logLevel: LogLevel;
  readonly database: DatabaseConfig;
  readonly tenancy: Partial<TenancyOptions>;
}

/** Where the embedded PostgreSQL keeps its data when no database is configured. */
export const dataDir = fileURLToPath(new URL('../../../.tenantry', import.meta.url));

export function readConfig(env: NodeJS.ProcessEnv): ServiceConfig {
  return { port: readPort(env, 'IDENTITY_PORT', 3000), database: readDatabaseConfig(env), ...readServingOptions(env) };
}
