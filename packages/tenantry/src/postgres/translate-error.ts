import { type ErrorFields, TenancyError } from '../errors/tenancy-error.js';
import { errorCauses } from './error-causes.js';
import { remedyFor } from './error-remedy.js';
import { sqlstate, sqlstateOf } from './sqlstate.js';

/** What an error of PostgreSQL or of a socket can mean. All of them are told with the same facts. */
type TranslatedCode =
  | 'TENANCY_ACCESS_DENIED'
  | 'TENANCY_CONFLICT'
  | 'TENANCY_DATABASE_UNAVAILABLE'
  | 'TENANCY_DEADLOCK'
  | 'TENANCY_LOCK_HELD'
  | 'TENANCY_SERIALIZATION_FAILURE'
  | 'TENANCY_STATEMENT_TIMEOUT'
  | 'TENANCY_VALUE_INVALID';

const bySqlstate: Readonly<Record<string, TranslatedCode>> = {
  [sqlstate.untranslatableCharacter]: 'TENANCY_VALUE_INVALID',
  [sqlstate.characterNotInRepertoire]: 'TENANCY_VALUE_INVALID',
  [sqlstate.invalidTextRepresentation]: 'TENANCY_VALUE_INVALID',
  [sqlstate.stringTooLong]: 'TENANCY_VALUE_INVALID',
  [sqlstate.numberOutOfRange]: 'TENANCY_VALUE_INVALID',
  [sqlstate.invalidDatetime]: 'TENANCY_VALUE_INVALID',
  [sqlstate.datetimeOverflow]: 'TENANCY_VALUE_INVALID',
  [sqlstate.notNullViolation]: 'TENANCY_VALUE_INVALID',
  [sqlstate.checkViolation]: 'TENANCY_VALUE_INVALID',
  [sqlstate.restrictViolation]: 'TENANCY_CONFLICT',
  [sqlstate.foreignKeyViolation]: 'TENANCY_CONFLICT',
  [sqlstate.uniqueViolation]: 'TENANCY_CONFLICT',
  [sqlstate.exclusionViolation]: 'TENANCY_CONFLICT',
  [sqlstate.serializationFailure]: 'TENANCY_SERIALIZATION_FAILURE',
  [sqlstate.deadlockDetected]: 'TENANCY_DEADLOCK',
  [sqlstate.insufficientPrivilege]: 'TENANCY_ACCESS_DENIED',
  [sqlstate.readOnlyTransaction]: 'TENANCY_DATABASE_UNAVAILABLE',
  [sqlstate.tooManyConnections]: 'TENANCY_DATABASE_UNAVAILABLE',
  [sqlstate.adminShutdown]: 'TENANCY_DATABASE_UNAVAILABLE',
  [sqlstate.crashShutdown]: 'TENANCY_DATABASE_UNAVAILABLE',
  [sqlstate.cannotConnectNow]: 'TENANCY_DATABASE_UNAVAILABLE',
  [sqlstate.databaseDropped]: 'TENANCY_DATABASE_UNAVAILABLE',
  [sqlstate.idleSessionTimeout]: 'TENANCY_DATABASE_UNAVAILABLE',
  [sqlstate.lockNotAvailable]: 'TENANCY_STATEMENT_TIMEOUT',
  [sqlstate.queryCanceled]: 'TENANCY_STATEMENT_TIMEOUT',
  [sqlstate.idleInTransactionTimeout]: 'TENANCY_STATEMENT_TIMEOUT',
  [sqlstate.transactionTimeout]: 'TENANCY_STATEMENT_TIMEOUT',
};

/** Limits that PostgreSQL enforces by ending the connection: what happened is that a time was over. */
const endedByLimit = new Set<string>([sqlstate.idleInTransactionTimeout, sqlstate.transactionTimeout]);

/**
 * Source files of PostgreSQL that let connections in. An error from them is about the connection; its severity may be
 * in the server's own language.
 */
const doorFiles = new Set(['postinit.c', 'auth.c', 'miscinit.c', 'backend_startup.c']);

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

/** What whoever asks for a translation knows of the statement or the connection. */
export interface TranslationFacts {
  /** What names the URL that the connection was made with. @default 'DATABASE_URL' */
  readonly variable?: string | undefined;
  /** What goes after "a statement", such as ` of the scope "acme_shop"`. @default nothing */
  readonly where?: string | undefined;
}

/**
 * Finds the {@link TenancyError} behind any error: itself, one it wraps (MikroORM wraps what the driver throws), or the
 * translation of what PostgreSQL or the socket said. `undefined` when the error is none of these.
 */
export function translateError(error: unknown, facts: TranslationFacts = {}): TenancyError | undefined {
  for (const cause of errorCauses(error)) {
    if (cause instanceof TenancyError) return cause;
  }
  for (const cause of errorCauses(error)) {
    const code = codeOf(cause);
    if (code) return new TenancyError(code, factsOf(cause as Error, facts), { cause: error });
  }
  return undefined;
}

/** An error of making a connection: whatever it is, it is about this URL. */
export function connectError(error: unknown, variable: string): TenancyError {
  const facts = { variable };
  return (
    translateError(error, facts) ??
    new TenancyError('TENANCY_DATABASE_UNAVAILABLE', factsOf(error as Error, facts), { cause: error })
  );
}

function factsOf(
  error: Error,
  { variable = 'DATABASE_URL', where = '' }: TranslationFacts,
): ErrorFields<TranslatedCode> {
  return { variable, where, reason: error.message, remedy: remedyFor(error, variable) };
}

function codeOf(error: unknown): TranslatedCode | undefined {
  const state = sqlstateOf(error);
  if (state !== undefined) {
    // Raised by tenantry.take_lock.
    if (state === sqlstate.lockNotAvailable && (error as { schema?: string }).schema === 'tenantry')
      return 'TENANCY_LOCK_HELD';
    return endsConnection(error, state) ? 'TENANCY_DATABASE_UNAVAILABLE' : bySqlstate[state];
  }
  if (!(error instanceof Error)) return undefined;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code !== undefined && syscall !== undefined && socketCodes.has(code)) return 'TENANCY_DATABASE_UNAVAILABLE';
  return connectionLost.test(error.message) ? 'TENANCY_DATABASE_UNAVAILABLE' : undefined;
}

/** Whether PostgreSQL, or a pooler before it, ended the connection with this, or did not let it begin. */
function endsConnection(error: unknown, state: string): boolean {
  if (endedByLimit.has(state)) return false;
  const { severity, file } = error as { severity?: string; file?: string };
  if (severity === 'FATAL' || severity === 'PANIC' || doorFiles.has(file ?? '')) return true;
  // Class 08: the connection itself failed; but a wrong number of parameters is a mistake in a statement. 28: no such login.
  return state !== sqlstate.protocolViolation && /^(?:08|28)/.test(state);
}
