import { STATUS_CODES } from 'node:http';
import { TenancyError } from '../errors/tenancy-error.js';

/** An error that carries a status of its own: Nest's `HttpException`, or one of Fastify and of `http-errors`. */
export interface HttpError {
  readonly status: number;
  readonly title: string;
  /** One sentence for the caller. */
  readonly detail: string;
  /** What is wrong with the values of the request, bounded: it may repeat what the request said. */
  readonly errors: readonly string[] | undefined;
}

interface HttpErrorShape {
  readonly message: string;
  readonly code?: unknown;
  readonly statusCode?: unknown;
  readonly getStatus?: unknown;
  readonly response?: unknown;
  readonly cause?: unknown;
}

const sentences: Readonly<Record<number, string>> = {
  400: 'The request is not understood.',
  401: 'The request does not say who sends it; send valid credentials.',
  403: 'This request is not allowed.',
  404: 'There is nothing at this address.',
  405: 'This address does not take this method.',
  406: 'This address has no answer in a form that the request accepts.',
  408: 'The request took too long to arrive.',
  409: 'The change does not fit the data that is there.',
  413: 'The body is too large.',
  414: 'The address is too long.',
  415: 'The body is in a form that is not understood; send JSON as application/json.',
  422: 'The request has values that are not accepted.',
  429: 'There are too many requests; try again later.',
  431: 'The address and the headers are too long together.',
};

const fastifySentences: Readonly<Record<string, string>> = {
  FST_ERR_BAD_URL: 'The address is not a valid URL.',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'The body is empty; send JSON, or no content-type.',
  FST_ERR_CTP_INVALID_JSON_BODY: 'The body is not valid JSON.',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'The body is not as long as content-length says.',
};

const errorsMax = 20;
const errorLengthMax = 200;

/** Reads an error by its shape, so that this file needs neither Nest nor Fastify; `undefined` when it has no status. */
export function readHttpError(error: unknown): HttpError | undefined {
  if (!(error instanceof Error) || error instanceof TenancyError) return undefined;
  const shape: HttpErrorShape = error;
  const status: unknown = typeof shape.getStatus === 'function' ? shape.getStatus.call(error) : shape.statusCode;
  if (typeof status !== 'number' || !(status >= 400 && status <= 599)) return undefined;
  const errors = listOf(shape.response)?.slice(0, errorsMax).map(shortened);
  const detail = errors
    ? 'The request has values that are not accepted.'
    : (ownSentence(shape, status) ?? sentenceFor(shape, status));
  return { status, title: STATUS_CODES[status] ?? 'Error', detail, errors };
}

function sentenceFor({ code, cause }: HttpErrorShape, status: number): string {
  const fastifyCode = typeof code === 'string' ? code : (cause as HttpErrorShape | undefined)?.code;
  return fastifySentences[String(fastifyCode)] ?? sentences[status] ?? 'The request cannot be answered.';
}

/** What the service itself wrote into the exception. Words of a framework name internals or repeat the request. */
function ownSentence({ getStatus, response, cause }: HttpErrorShape, status: number): string | undefined {
  const isCopied = typeof (cause as HttpErrorShape | undefined)?.statusCode === 'number';
  if (typeof getStatus !== 'function' || isCopied || response instanceof Error) return undefined;
  const said = typeof response === 'string' ? response : (response as { message?: unknown } | undefined)?.message;
  const isDefault =
    said === STATUS_CODES[status] || said === 'Forbidden resource' || /^Cannot [A-Z-]+ \S+$/.test(String(said));
  return typeof said === 'string' && said !== '' && !isDefault ? said : undefined;
}

function listOf(response: unknown): string[] | undefined {
  const { message } = (response ?? {}) as { message?: unknown };
  return Array.isArray(message) ? message.map(String) : undefined;
}

function shortened(text: string): string {
  return text.length <= errorLengthMax ? text : `${text.slice(0, errorLengthMax).toWellFormed()}…`;
}
