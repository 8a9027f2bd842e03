import { TenancyError } from '../errors/tenancy-error.js';
import type { FleetSelector } from '../fleet/selector.js';

/** A value that a report's statement is given. */
export type ReportParameter = string | number | bigint | boolean | null | Date | readonly ReportParameter[];

/**
 * What a report asks, and how far it may go.
 *
 * @example
 * const question: ReportOptions = {
 *   sql: 'select count(*) as items from item where created_at > $1',
 *   params: [new Date('2026-01-01')],
 *   aggregate: 'select sum(items) as items from merged',
 * };
 */
export interface ReportOptions {
  /** One select, for each tenant; its tables are named without a schema. */
  readonly sql: string;
  /** Values for `$1`, `$2`, … of `sql`. */
  readonly params?: readonly ReportParameter[] | undefined;
  /** @default the active tenants */
  readonly selector?: FleetSelector | undefined;
  /** The service whose schemas are asked. @default the service of this process */
  readonly service?: string | undefined;
  /** One select over all rows, which are in the table `merged` with the column `tenant` before the others. */
  readonly aggregate?: string | undefined;
  /** Most rows in all. With an aggregate they are all in memory at once, otherwise those of a few tenants. @default 100000 */
  readonly limit?: number | undefined;
  /** Most rows of one tenant. @default 10000 */
  readonly limitPerTenant?: number | undefined;
  /** Milliseconds the statement may run in one tenant; 0 is no limit. @default `statementTimeoutMs` */
  readonly timeoutMs?: number | undefined;
  /** Tenants at the same time. @default 4, at most what the pool leaves */
  readonly concurrency?: number | undefined;
  /** Ends it after the tenants in hand. */
  readonly signal?: AbortSignal | undefined;
}

/** {@link ReportOptions} with defaults filled in. */
export type ReportRequest = ReportOptions & Required<Pick<ReportOptions, 'limit' | 'limitPerTenant' | 'concurrency'>>;

/**
 * Fills in defaults and checks.
 *
 * @throws TenancyError `TENANCY_OPTION_INVALID`.
 */
export function resolveReport(options: ReportOptions): ReportRequest {
  const { limit = 100_000, limitPerTenant = 10_000, concurrency = 4, timeoutMs = 0, sql, aggregate } = options;
  requireWhole('limit', limit, 1, 10_000_000);
  requireWhole('limitPerTenant', limitPerTenant, 1, 10_000_000);
  requireWhole('concurrency', concurrency, 1, 1000);
  requireWhole('timeoutMs', timeoutMs, 0, 86_400_000);
  requireText('sql', sql);
  if (aggregate !== undefined) requireText('aggregate', aggregate);
  return { ...options, limit, limitPerTenant, concurrency };
}

function requireWhole(option: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new TenancyError('TENANCY_OPTION_INVALID', {
    option,
    reason: `it is not a whole number from ${least} to ${most}`,
  });
}

function requireText(option: string, text: string): void {
  const reason = text.trim() === '' ? 'it is empty' : text.includes('\0') ? 'it has the character NUL' : undefined;
  if (reason !== undefined) throw new TenancyError('TENANCY_OPTION_INVALID', { option, reason });
}

/**
 * A parameter as PostgreSQL reads it. Pure.
 *
 * @throws TenancyError `TENANCY_OPTION_INVALID` for a value that has no such text.
 */
export function parameterText(value: ReportParameter): string | null {
  if (value === null) return null;
  if (Array.isArray(value))
    return arrayText(
      value.map((item: ReportParameter) => parameterText(item)),
      ',',
    );
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString();
  const text = typeof value === 'object' || typeof value === 'function' ? undefined : String(value);
  if (text === undefined || text === 'undefined' || text.includes('\0')) {
    const reason = 'a value is not a text, a number, a boolean, a date, null or an array of these';
    throw new TenancyError('TENANCY_OPTION_INVALID', { option: 'params', reason });
  }
  return text;
}

/** PostgreSQL's literal of an array. Pure. */
export function arrayText(items: readonly (string | null)[], delimiter: string): string {
  const quoted = items.map((item) => (item === null ? 'NULL' : `"${item.replace(/["\\]/g, '\\$&')}"`));
  return `{${quoted.join(delimiter)}}`;
}
