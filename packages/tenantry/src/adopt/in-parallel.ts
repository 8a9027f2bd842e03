/** Does the same for many things over a few connections. Begins nothing new once the signal is aborted; what is under way ends. */
export async function inParallel<T>(
  items: readonly T[],
  concurrency: number,
  fn: (item: T) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const todo = items.toReversed();
  let failed = false;
  const work = async () => {
    for (let next = todo.pop(); next !== undefined && !failed && !signal?.aborted; next = todo.pop())
      await fn(next).catch((error: unknown) => {
        failed = true;
        throw error;
      });
  };
  // Waits for every worker, also after one has failed: the caller may close what they work with.
  for (const outcome of await Promise.allSettled(Array.from({ length: concurrency }, work)))
    if (outcome.status === 'rejected') throw outcome.reason;
}
