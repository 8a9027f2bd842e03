/** Wrong usage: one sentence, exit code 2, and nothing was changed. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
