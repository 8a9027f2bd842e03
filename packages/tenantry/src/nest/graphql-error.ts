import type { Problem } from '../http/to-problem.js';

/**
 * The error that a resolver answers with: the caller's sentence, and the rest of the problem details as `extensions`. What is
 * a GraphQL error already stays as it is. Pure.
 */
export function graphqlError(error: unknown, { headers, body }: Problem): Error {
  if (error instanceof Error && 'extensions' in error) return error;
  const { detail, ...rest } = body;
  const retryAfter = headers['retry-after'];
  return Object.assign(new Error(detail, { cause: error }), {
    extensions: { ...rest, ...(retryAfter && { retryAfter: Number(retryAfter) }) },
  });
}
