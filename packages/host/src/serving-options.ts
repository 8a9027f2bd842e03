import { z } from 'zod';
import type { LogLevel } from './service-logger.js';
import { StartupError } from './startup-error.js';

/** What an operator may set for a service besides its port and database. */
export interface ServingOptions {
  readonly logLevel: LogLevel;
  readonly tenancy: {
    readonly connections?: number | undefined;
    readonly connectionsPerTenant?: number | undefined;
    readonly acquireTimeoutMs?: number | undefined;
    readonly connectionIdleSeconds?: number | undefined;
    readonly connectionMaxAgeSeconds?: number | undefined;
    readonly connectionMaxUses?: number | undefined;
    readonly transactionPooler?: boolean | undefined;
    readonly isolation?: 'role' | 'schema' | undefined;
  };
}

const count = z.coerce.number().int().positive().optional();
const environment = z.object({
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  TENANTRY_CONNECTIONS: count,
  TENANTRY_CONNECTIONS_PER_TENANT: count,
  TENANTRY_ACQUIRE_TIMEOUT_MS: count,
  TENANTRY_CONNECTION_IDLE_SECONDS: count,
  TENANTRY_CONNECTION_MAX_AGE_SECONDS: count,
  TENANTRY_CONNECTION_MAX_USES: count,
  TENANTRY_TRANSACTION_POOLER: z.stringbool().optional(),
  TENANTRY_ISOLATION: z.enum(['role', 'schema']).optional(),
});

/**
 * Reads `LOG_LEVEL` and the `TENANTRY_…` variables. Empty ones count as absent.
 *
 * @throws StartupError naming the variable that is wrong.
 */
export function readServingOptions(env: Readonly<Record<string, string | undefined>>): ServingOptions {
  const filled = Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim() !== ''));
  const { success, data, error } = environment.safeParse(filled);
  if (!success) {
    const [issue] = error.issues;
    throw new StartupError('CONFIG_INVALID', `${issue?.path.join('.')} is wrong: ${issue?.message}.`);
  }
  const tenancy = {
    connections: data.TENANTRY_CONNECTIONS,
    connectionsPerTenant: data.TENANTRY_CONNECTIONS_PER_TENANT,
    acquireTimeoutMs: data.TENANTRY_ACQUIRE_TIMEOUT_MS,
    connectionIdleSeconds: data.TENANTRY_CONNECTION_IDLE_SECONDS,
    connectionMaxAgeSeconds: data.TENANTRY_CONNECTION_MAX_AGE_SECONDS,
    connectionMaxUses: data.TENANTRY_CONNECTION_MAX_USES,
    transactionPooler: data.TENANTRY_TRANSACTION_POOLER,
    isolation: data.TENANTRY_ISOLATION,
  };
  return { logLevel: data.LOG_LEVEL, tenancy };
}
