import { STATUS_CODES } from 'node:http';
import { TenancyError } from '../errors/tenancy-error.js';
import { translateError } from '../postgres/translate-error.js';

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

interface HttpError {
  status: number;
  response?: unknown;
  message: string;
  code?: unknown;
}

const contentType = { 'content-type': 'application/problem+json; charset=utf-8' } as const;
const sentences: Readonly<Record<number, string>> = {
  400: 'The request is not understood.',
  404: 'There is nothing at this address.',
  405: 'This address does not take this method.',
  408: 'The request took too long to arrive.',
  413: 'The request is too large.',
  414: 'The address is too long.',
  415: 'Send JSON: content-type application/json.',
};

/**
 * Translates any error into problem details that name no SQL, schema or role. Errors of Nest and Fastify keep their
 * status; what nobody foresaw is 500.
 */
export function toProblem(error: unknown): Problem {
  const http = asHttpError(error);
  const known = http ? undefined : translateError(error);
  if (known) return fromTenancyError(known);
  return http && http.status < 500 ? fromHttpError(http) : unforeseen(http?.status);
}

function fromTenancyError({ code, status, title, detail, retryAfter }: TenancyError): Problem {
  const headers = { ...contentType, ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }) };
  return { status, headers, body: { type: `urn:tenantry:error:${code}`, title, status, detail, code } };
}

function fromHttpError({ status, response, message }: HttpError): Problem {
  const title = STATUS_CODES[status] ?? 'Error';
  const said = typeof response === 'object' && response !== null ? (response as { message?: unknown }).message : undefined;
  const errors = Array.isArray(said) ? said.map(String) : undefined;
  // The framework's own words for these name internals or repeat the request.
  const detail = errors ? 'The request has values that are not accepted.' : (sentences[status] ?? message);
  const code = `HTTP_${title.toUpperCase().replaceAll(/[^A-Z]+/g, '_')}`;
  return { status, headers: contentType, body: { type: 'about:blank', title, status, detail, code, ...(errors && { errors }) } };
}

function unforeseen(status = 500): Problem {
  const title = STATUS_CODES[status] ?? 'Internal Server Error';
  const detail = 'The service could not answer this request.';
  const code = `HTTP_${title.toUpperCase().replaceAll(/[^A-Z]+/g, '_')}`;
  return { status, headers: contentType, body: { type: 'about:blank', title, status, detail, code } };
}

/** Nest's `HttpException` and Fastify's errors, by their shape: this file needs neither. */
function asHttpError(error: unknown): HttpError | undefined {
  if (!(error instanceof Error) || error instanceof TenancyError) return undefined;
  const { statusCode, getStatus, response } = error as { statusCode?: unknown; getStatus?: unknown; response?: unknown };
  const status: unknown = typeof getStatus === 'function' ? getStatus.call(error) : statusCode;
  return typeof status === 'number' && status >= 400 ? { status, response, message: error.message } : undefined;
}
