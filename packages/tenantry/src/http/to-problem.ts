import type { TenancyError } from '../errors/tenancy-error.js';
import { translateError } from '../postgres/translate-error.js';
import { type HttpError, readHttpError } from './http-error.js';

/** An error as it is told to a caller: problem details of RFC 9457. */
export interface Problem {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ProblemBody;
}

/** The body, as `application/problem+json`. */
export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** Stable, for programs. */
  readonly code: string;
  /** What is wrong with the values of the request. */
  readonly errors?: readonly string[];
}

const contentType = { 'content-type': 'application/problem+json; charset=utf-8' } as const;

/**
 * Translates any error into problem details that name no SQL, schema or role. Errors of Nest and Fastify keep their
 * status, and a sentence that a service wrote itself; what nobody foresaw is 500.
 *
 * @example
 * const { status, body } = toProblem(new TenancyError('TENANCY_TENANT_AMBIGUOUS'));
 */
export function toProblem(error: unknown): Problem {
  const http = readHttpError(error);
  if (http && http.status < 500) return fromHttpError(http);
  const known = http ? undefined : translateError(error);
  return known ? fromTenancyError(known) : fromHttpError(unforeseen(http));
}

function fromTenancyError({ code, status, title, detail, retryAfter }: TenancyError): Problem {
  const headers = { ...contentType, ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }) };
  return { status, headers, body: { type: `urn:tenantry:error:${code}`, title, status, detail, code } };
}

function fromHttpError({ status, title, detail, errors }: HttpError): Problem {
  const code = `HTTP_${title.toUpperCase().replaceAll(/[^A-Z]+/g, '_')}`;
  return {
    status,
    headers: contentType,
    body: { type: 'about:blank', title, status, detail, code, ...(errors && { errors }) },
  };
}

/** For an error that nobody foresaw. The caller is not told its message, which may name internals. */
function unforeseen({ status = 500, title = 'Internal Server Error' }: Partial<HttpError> = {}): HttpError {
  return { status, title, detail: 'The service could not answer this request; its log says why.', errors: undefined };
}
