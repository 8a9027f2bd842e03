import { type ErrorFields, TenancyError } from '../errors/tenancy-error.js';
import type { TenancyErrorCode } from '../errors/error-codes.js';
import { errorCauses } from './error-causes.js';
import { sqlstate, sqlstateOf } from './sqlstate.js';

const bySqlstate: Readonly<Record<string, TenancyErrorCode>> = {
  [sqlstate.untranslatableCharacter]: 'TENANCY_VALUE_INVALID',
  [sqlstate.characterNotInRepertoire]: 'TENANCY_VALUE_INVALID',
  [sqlstate.invalidTextRepresentation]: 'TENANCY_VALUE_INVALID',
  [sqlstate.stringTooLong]: 'TENANCY_VALUE_INVALID',
  [sqlstate.numberOutOfRange]: 'TENANCY_VALUE_INVALID',
  [sqlstate.invalidDatetime]: 'TENANCY_VALUE_INVALID',
  [sqlstate.datetimeOverflow]: 'TENANCY_VALUE_INVALID',
  [sqlstate.notNullViolation]: 'TENANCY_VALUE_INVALID',
  [sqlstate.checkViolation]: 'TENANCY_VALUE_INVALID',
  [sqlstate.foreignKeyViolation]: 'TENANCY_CONFLICT',
  [sqlstate.uniqueViolation]: 'TENANCY_CONFLICT',
  [sqlstate.exclusionViolation]: 'TENANCY_CONFLICT',
  [sqlstate.serializationFailure]: 'TENANCY_CONFLICT',
  [sqlstate.deadlockDetected]: 'TENANCY_CONFLICT',
  [sqlstate.insufficientPrivilege]: 'TENANCY_ACCESS_DENIED',
  [sqlstate.tooManyConnections]: 'TENANCY_DATABASE_UNAVAILABLE',
  [sqlstate.adminShutdown]: 'TENANCY_DATABASE_UNAVAILABLE',
  [sqlstate.crashShutdown]: 'TENANCY_DATABASE_UNAVAILABLE',
  [sqlstate.cannotConnectNow]: 'TENANCY_DATABASE_UNAVAILABLE',
  [sqlstate.lockNotAvailable]: 'TENANCY_STATEMENT_TIMEOUT',
  [sqlstate.queryCanceled]: 'TENANCY_STATEMENT_TIMEOUT',
  [sqlstate.idleInTransactionTimeout]: 'TENANCY_STATEMENT_TIMEOUT',
};

/** What `pg` and the socket say when the server is away; most of these errors have no code. */
const connectionLost =
  /^(?:Connection terminated|connection timeout|timeout expired|Client has encountered a connection error|Client was closed|server closed the connection|write after end|The server does not support|read ECONN|connect E)/i;
const socketCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'ETIMEDOUT',
  'EPIPE',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
]);

/**
 * Finds the {@link TenancyError} behind any error: itself, one it wraps (MikroORM wraps what the driver throws), or the
 * translation of what PostgreSQL or the socket said. `undefined` when the error is none of these.
 */
export function translateError(error: unknown, fields: ErrorFields = {}): TenancyError | undefined {
  for (const cause of errorCauses(error)) {
    if (cause instanceof TenancyError) return cause;
  }
  for (const cause of errorCauses(error)) {
    const code = codeOf(cause);
    if (code)
      return new TenancyError(
        code,
        { scope: 'unknown', variable: 'DATABASE_URL', reason: (cause as Error).message, ...fields },
        { cause: error },
      );
  }
  return undefined;
}

function codeOf(error: unknown): TenancyErrorCode | undefined {
  const state = sqlstateOf(error);
  if (state !== undefined) {
    // Raised by tenantry.take_lock.
    if (state === sqlstate.lockNotAvailable && (error as { schema?: string }).schema === 'tenantry')
      return 'TENANCY_LOCK_HELD';
    // Class 08: the connection itself failed.
    return bySqlstate[state] ?? (state.startsWith('08') ? 'TENANCY_DATABASE_UNAVAILABLE' : undefined);
  }
  if (!(error instanceof Error)) return undefined;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code !== undefined && syscall !== undefined && socketCodes.has(code)) return 'TENANCY_DATABASE_UNAVAILABLE';
  return connectionLost.test(error.message) ? 'TENANCY_DATABASE_UNAVAILABLE' : undefined;
}
