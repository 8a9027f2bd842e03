import { errorCodes, type TenancyErrorCode } from './error-codes.js';
import type { ErrorDescription } from './error-description.js';

/** The names between braces in a sentence. */
type NamesIn<Sentence extends string> = Sentence extends `${string}{${infer Name}}${infer Rest}`
  ? Name | NamesIn<Rest>
  : never;

type Facts = Readonly<Record<string, string | number>>;

/** What the sentences of a failure ask for; of several failures what those of all ask for. */
type Asked<Code extends TenancyErrorCode> = NamesIn<(typeof errorCodes)[Code]['detail' | 'operator']>;

/** The facts of a failure: those that its sentences ask for, and whatever else may be worth knowing. */
export type ErrorFields<Code extends TenancyErrorCode = never> = Readonly<Record<Asked<Code>, string | number>> & Facts;

/** What a failure is made with, after its code. Its facts may be left out only where its sentences ask for none. */
type Given<Code extends TenancyErrorCode> = [Asked<Code>] extends [never]
  ? [fields?: Facts, options?: ErrorOptions]
  : [fields: ErrorFields<Code>, options?: ErrorOptions];

/**
 * Every failure that Tenantry reports: a stable code, its facts, a sentence for the caller and one for the operator.
 *
 * @typeParam Code - Of a failure that is made: its facts are what its sentences ask for. Of one that is caught it says nothing.
 */
export class TenancyError<Code extends TenancyErrorCode = TenancyErrorCode> extends Error {
  override readonly name = 'TenancyError';
  readonly code: TenancyErrorCode;
  /** The facts that fill its sentences. */
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

  constructor(code: Code, ...[fields = {}, options]: Given<Code>) {
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

function fill(sentence: string, fields: Facts): string {
  return sentence.replace(/\{(\w+)\}/g, (_, field: string) => String(fields[field] ?? 'unknown'));
}
