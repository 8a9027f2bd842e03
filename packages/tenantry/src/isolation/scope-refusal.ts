import { type Scope, scopeKey } from '../context/scope.js';
import { TenancyError } from '../errors/tenancy-error.js';
import { sqlstate, sqlstateOf } from '../postgres/sqlstate.js';

/** What PostgreSQL says when a role is not there, may not be switched to, or the statement that switches is not prepared. */
const refusals = new Set<string>([
  sqlstate.invalidParameterValue,
  sqlstate.undefinedObject,
  sqlstate.insufficientPrivilege,
  sqlstate.invalidStatementName,
  sqlstate.duplicatePreparedStatement,
]);

/**
 * The error for a statement that PostgreSQL did not run because it refused to enter the scope. `undefined` when what
 * happened has nothing to do with the scope: the server went away, the statement was cancelled.
 */
export function scopeRefusal(error: Error, scope: Scope | undefined): TenancyError | undefined {
  const state = sqlstateOf(error);
  if (state === undefined || !refusals.has(state)) return undefined;
  const fields = { scope: scopeKey(scope), reason: error.message, remedy: remedyFor(state, error.message) };
  return new TenancyError('TENANCY_SCOPE_REFUSED', fields, { cause: error });
}

/**
 * Whether the login was denied the scope's role. A backend that counts its memberships while a `grant` commits keeps what it counted
 * as true until the next change of any: it denies a role that was granted long ago, and other connections do not.
 */
export function deniesRole(error: Error): boolean {
  // PostgreSQL translates the sentence, but not the name of a function.
  return sqlstateOf(error) === sqlstate.insufficientPrivilege && !error.message.includes('set_config');
}

function remedyFor(state: string, reason: string): string {
  if (state === sqlstate.invalidStatementName || state === sqlstate.duplicatePreparedStatement) {
    return 'Another process prepared statements on this connection, as a pooler in transaction mode makes it: set `transactionPooler: true`.';
  }
  if (state === sqlstate.insufficientPrivilege && reason.includes('set_config')) {
    return 'A superuser must run: grant execute on function pg_catalog.set_config(text, text, boolean) to the service role.';
  }
  return 'Its role is gone, or is not granted to the service role: a process with the owner role gives both back when it reconciles, and `tenantry drift` names what is missing.';
}
