import fc from 'fast-check';
import type { Fault } from './fault.js';
import type { Operation } from './history.js';
import { randomTasks } from './random-tasks.js';
import { clearRows } from './run-batch.js';
import { batchRunner, type FailedBatch, type SoakOptions } from './soak.js';
import type { Task } from './steps.js';

/** The smallest tasks that were found to show a fault of the same kind. */
export interface Smallest {
  /** Whether the batch failed again at all when it was run again; if not, these are the tasks that the fault names. */
  readonly repeats: boolean;
  readonly tasks: readonly Task[];
  /** Fast-check's way from the seed to these tasks: `--path`. */
  readonly path?: string;
  readonly faults: readonly Fault[];
  readonly operations: readonly Operation[];
}

/** How long to look. */
export interface FindOptions {
  /** Times that the same tasks are run before they are believed to be harmless: what happens at the same time differs. @default 5 */
  readonly tries?: number;
  /** Milliseconds after which the smallest so far is good enough. @default 60000 */
  readonly limitMs?: number;
}

/** Runs a batch that failed again, smaller and smaller, as long as it fails in the same way. */
export async function findSmallest(
  options: SoakOptions,
  failed: FailedBatch,
  { tries = 5, limitMs = 60_000 }: FindOptions = {},
): Promise<Smallest> {
  const deadline = performance.now() + limitMs;
  const kinds = new Set(failed.faults.map(({ kind }) => kind));
  const { world, batch = 60 } = options;
  let best: Omit<Smallest, 'path' | 'repeats'> | undefined;
  const fails = async (tasks: readonly Task[]) => {
    // An interrupted run would go on beside whatever comes next: once the time is over, all that is smaller is taken to be harmless.
    for (let attempt = 0; attempt < tries && performance.now() < deadline; attempt++) {
      // What failed may have left anything behind.
      await world.renew();
      await clearRows(world);
      const result = await (await batchRunner(options))(tasks, 0);
      if (!result.faults.some(({ kind }) => kinds.has(kind))) continue;
      best = { tasks, ...result };
      return true;
    }
    return false;
  };
  const property = fc.asyncProperty(
    randomTasks({ tenants: world.tenants.length, most: batch }),
    async (tasks) => !(await fails(tasks)),
  );
  const { failed: repeats, counterexamplePath } = await fc.check(property, {
    seed: failed.seed,
    numRuns: 1,
  });
  if (best)
    return { repeats: true, ...best, ...(repeats && counterexamplePath !== null && { path: counterexamplePath }) };
  const named = new Set(failed.faults.flatMap(({ operations }) => operations.map(({ task }) => task)));
  return { ...failed, repeats: false, tasks: failed.tasks.filter((_, task) => named.has(task)) };
}
