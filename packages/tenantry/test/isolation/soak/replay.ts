import fc from 'fast-check';
import { randomTasks } from './random-tasks.js';
import { clearRows } from './run-batch.js';
import { batchRunner, type FailedBatch, type SoakOptions } from './soak.js';

/** Which batch, and how often. */
export interface ReplayOptions {
  readonly seed: number;
  /** Fast-check's way to smaller tasks. */
  readonly path?: string;
  readonly tries: number;
}

/** Runs the batch of a seed again until it fails, on new connections each time. */
export async function replay(
  options: SoakOptions,
  { seed, path, tries }: ReplayOptions,
): Promise<FailedBatch | undefined> {
  const { world, batch = 60, signal } = options;
  const [tasks = []] = fc.sample(randomTasks({ tenants: world.tenants.length, most: batch }), {
    seed,
    numRuns: 1,
    ...(path !== undefined && { path }),
  });
  for (let attempt = 0; attempt < tries && !signal?.aborted; attempt++) {
    await world.renew();
    await clearRows(world);
    const result = await (await batchRunner(options))(tasks, 0);
    if (result.faults.length > 0) return { seed, tasks, ...result };
  }
  return undefined;
}
