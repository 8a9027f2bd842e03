import type { Problem } from '../http/to-problem.js';

/**
 * What the sender of a message is told: problem details, with the `message` that Nest's own errors have. What a service said
 * itself, with an `RpcException` or a `WsException`, is told as Nest tells it. Pure.
 */
export function messageError(error: unknown, problem: Problem): object {
  const said = ownWords(error);
  if (said !== undefined) return typeof said === 'object' && said !== null ? said : { status: 'error', message: said };
  const retryAfter = problem.headers['retry-after'];
  return { ...problem.body, message: problem.body.detail, ...(retryAfter && { retryAfter: Number(retryAfter) }) };
}

/** By its shape: the packages that have these classes need not be there. */
function ownWords(error: unknown): unknown {
  const { getError } = (error ?? {}) as { getError?: unknown };
  return typeof getError === 'function' ? (getError.call(error) as unknown) : undefined;
}
