import { TenancyError } from '../errors/tenancy-error.js';
import { sqlstate, sqlstateOf } from '../postgres/sqlstate.js';
import type { FleetTenant } from './fleet-tenant.js';
import type { RolloutFailure } from './rollout-failure.js';

/** What PostgreSQL said, and what of it the migration knows. */
export interface StatementError extends Error {
  readonly detail?: string;
  readonly hint?: string;
  /** The statement that failed. */
  statement?: string;
  /** It ran in no transaction: what came before it stays. */
  outside?: boolean;
  /** What it waited for, and who had that. */
  waited?: string;
}

/** As much of a statement as a person needs to know it again. */
const statementMax = 200;

/** Why a tenant is not where it should be: as an error, and as a rollout keeps it. Pure. */
export function failureOf({ tenant, schema }: FleetTenant, error: unknown): [RolloutFailure, TenancyError] {
  const { message = String(error), detail, hint, statement, waited, outside } = error as Partial<StatementError>;
  const reason = [message, waited, adviceOf(error)].filter((part) => part !== undefined).join('; ');
  const outcome = outside ? 'and stays at its last whole migration' : 'and was rolled back';
  const known =
    error instanceof TenancyError
      ? error
      : new TenancyError('TENANCY_MIGRATION_FAILED', { schema: schema ?? tenant, outcome, reason }, { cause: error });
  const said = [detail, hint].filter((text) => text !== undefined && text !== '').join('; ');
  const failure = {
    tenant,
    code: known.code,
    reason: known.operatorMessage,
    detail: said === '' ? null : said,
    statement: statement === undefined ? null : shortened(statement),
  };
  return [failure, known];
}

/** A remedy, where PostgreSQL's own words name none. */
function adviceOf(error: unknown): string | undefined {
  if (sqlstateOf(error) !== sqlstate.lockNotAvailable) return undefined;
  return (error as StatementError).outside
    ? 'end that transaction, or raise `outsideWaitMs`'
    : 'the same command tries it again; end what holds the lock, or raise `lockTimeoutMs`';
}

/** A statement on one line, cut to what a person reads. Pure. */
export function shortened(statement: string): string {
  const line = statement.replace(/\s+/g, ' ').trim();
  return line.length > statementMax ? `${line.slice(0, statementMax)}…` : line;
}
