import { errorCodes, type TenancyErrorCode } from './error-codes.js';
import type { ErrorDescription } from './error-description.js';

/** The facts of one failure; they fill the sentences of {@link errorCodes}. */
export type ErrorFields = Readonly<Record<string, string | number>>;

/** Every failure that Tenantry reports: a stable code, its facts, a sentence for the caller and one for the operator. */
export class TenancyError extends Error {
  override readonly name = 'TenancyError';
  readonly code: TenancyErrorCode;
  readonly fields: ErrorFields;
  /** HTTP status for a caller. */
  readonly status: number;
  readonly title: string;
  /** For the caller: names no schema, role or SQL. */
  readonly detail: string;
  /** For the operator: says what to change. Also this error's `message`. */
  readonly operatorMessage: string;
  /** Seconds after which trying again can help. */
  readonly retryAfter: number | undefined;

  constructor(code: TenancyErrorCode, fields: ErrorFields = {}, options?: ErrorOptions) {
    const description: ErrorDescription = errorCodes[code];
    const operatorMessage = fill(description.operator, fields);
    super(operatorMessage, options);
    this.code = code;
    this.fields = fields;
    this.status = description.status;
    this.title = description.title;
    this.detail = fill(description.detail, fields);
    this.operatorMessage = operatorMessage;
    this.retryAfter = description.retryAfter;
  }
}

function fill(sentence: string, fields: ErrorFields): string {
  return sentence.replace(/\{(\w+)\}/g, (_, field: string) => String(fields[field] ?? 'unknown'));
}
