import { TenancyError } from '../errors/tenancy-error.js';
import type { ReadOnlyAnswer, ReadOnlyRequest } from '../isolation/read-only-flight.js';
import { sqlstateOf } from '../postgres/sqlstate.js';
import { translateError } from '../postgres/translate-error.js';
import type { ServiceName } from '../tenant/service-name.js';
import type { ReportTenant } from './report-tenants.js';

/** Runs selects that can write nothing. */
export interface ReadOnlyPool {
  readOnly(request: ReadOnlyRequest): Promise<ReadOnlyAnswer>;
}

/** What is the same for every tenant of a report. */
export interface Question extends Omit<ReadOnlyRequest, 'scope' | 'rowsMax'> {
  readonly service: ServiceName;
  readonly database: string;
}

/** What one tenant said. */
export type Said =
  | { readonly tenant: ReportTenant; readonly answer: ReadOnlyAnswer; readonly error?: undefined }
  | { readonly tenant: ReportTenant; readonly answer?: undefined; readonly error: unknown };

/** Asks one tenant under its own role. It never throws: an error is part of the answer. */
export async function askTenant(
  pool: ReadOnlyPool,
  { service, database, ...request }: Question,
  tenant: ReportTenant,
  rowsMax: number,
): Promise<Said> {
  const { schema } = tenant;
  if (schema === null) {
    const of = ` for the service "${service}"`;
    return { tenant, error: new TenancyError('TENANCY_TENANT_NOT_READY', { tenant: tenant.id, of }) };
  }
  const placement = { service, database, schema, role: schema };
  try {
    const scope = { kind: 'tenant', tenant, placement } as const;
    return { tenant, answer: await pool.readOnly({ ...request, scope, rowsMax }) };
  } catch (error) {
    return { tenant, error };
  }
}

/** Whether PostgreSQL refuses the statement itself, so that every tenant would say the same. Pure. */
export function isOfStatement(error: unknown): boolean {
  if (error instanceof TenancyError) return false;
  const state = sqlstateOf(error) ?? '';
  // 42: syntax and access; 0A: not supported; 250: it writes (25P are limits of time); 08P01: the number of values. Only parsing knows a position.
  const { position } = error as { position?: string };
  return /^(?:42|0A|250|08P01)/.test(state) || position !== undefined;
}

/**
 * Whether the connection failed, and not the tenant. A select that writes is not such a failure, though a read-only
 * server answers the same. Pure.
 */
export function isOfConnection(error: unknown): boolean {
  return !isOfStatement(error) && translateError(error)?.code === 'TENANCY_DATABASE_UNAVAILABLE';
}

/** A refused statement, with the place where PostgreSQL stopped reading. Pure. */
export function invalidReport(what: 'statement' | 'aggregate', text: string, error: unknown, before = 0): TenancyError {
  const { position, message: reason } = error as Error & { position?: string };
  const where = position === undefined ? '' : ` at ${placeOf(text, Number(position) - before)}`;
  return new TenancyError('TENANCY_REPORT_INVALID', { what, where, reason }, { cause: error });
}

function placeOf(text: string, position: number): string {
  // PostgreSQL counts characters, not the halves that JavaScript has.
  const before = Array.from(text).slice(0, Math.max(0, position - 1));
  const lineStart = before.lastIndexOf('\n') + 1;
  return `line ${before.filter((character) => character === '\n').length + 1}, column ${before.length - lineStart + 1}`;
}
