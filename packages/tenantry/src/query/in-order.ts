/**
 * Works on several items at a time and yields the results in the items' order. At most `concurrency` results are held.
 *
 * @param work - Never throws.
 */
export async function* inOrder<T, R>(
  items: AsyncIterable<T>,
  concurrency: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const underWay: Promise<R>[] = [];
  try {
    for await (const item of items) {
      underWay.push(work(item));
      if (underWay.length < concurrency) continue;
      const first = underWay.shift();
      if (first) yield await first;
    }
    for (let first = underWay.shift(); first; first = underWay.shift()) yield await first;
  } finally {
    // Also when the caller stops early: afterwards nothing may still use the pool.
    await Promise.all(underWay);
  }
}
