import { z } from 'zod';
import type { LogLevel } from './service-logger.js';
import { StartupError } from './startup-error.js';

/** What an operator may set for a service besides its port and database. */
export interface ServingOptions {
  readonly logLevel: LogLevel;
  readonly tenancy: {
    readonly connections?: number;
    readonly connectionMaxAgeSeconds?: number;
    readonly connectionMaxUses?: number;
    readonly transactionPooler?: boolean;
    readonly isolation?: 'role' | 'schema';
  };
}

const count = z.coerce.number().int().positive().optional();
const environment = z.object({
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  TENANTRY_CONNECTIONS: count,
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
  return {
    logLevel: data.LOG_LEVEL,
    tenancy: {
      ...(data.TENANTRY_CONNECTIONS !== undefined && { connections: data.TENANTRY_CONNECTIONS }),
      ...(data.TENANTRY_CONNECTION_MAX_AGE_SECONDS !== undefined && { connectionMaxAgeSeconds: data.TENANTRY_CONNECTION_MAX_AGE_SECONDS }),
      ...(data.TENANTRY_CONNECTION_MAX_USES !== undefined && { connectionMaxUses: data.TENANTRY_CONNECTION_MAX_USES }),
      ...(data.TENANTRY_TRANSACTION_POOLER !== undefined && { transactionPooler: data.TENANTRY_TRANSACTION_POOLER }),
      ...(data.TENANTRY_ISOLATION !== undefined && { isolation: data.TENANTRY_ISOLATION }),
    },
  };
}
