import fc from 'fast-check';
import { countOperations, type Counts, noCounts } from './counts.js';
import type { Fault, FaultKind } from './fault.js';
import type { Operation } from './history.js';
import { type Traces, tracesOf } from './look-at-connections.js';
import { randomTasks } from './random-tasks.js';
import { clearRows, runBatch } from './run-batch.js';
import type { Task } from './steps.js';
import type { World } from './world.js';

/** What to run. */
export interface SoakOptions {
  readonly world: World;
  /** Of everything random. */
  readonly seed: number;
  /** Operations after which it is done. */
  readonly operations: number;
  /** Tasks at the same time. @default 8 */
  readonly concurrency?: number;
  /** Most tasks of one batch, after which all connections are looked at. @default 60 */
  readonly batch?: number;
  /** Steps that are left out, by the beginnings of their names: `lasting:hold`, `orm`. */
  readonly without?: readonly string[];
  /** Faults of other kinds do not end it: for twins, which have many. @default any fault does */
  readonly until?: FaultKind;
  /** Ends it after the batch that is under way. */
  readonly signal?: AbortSignal;
  readonly onBatch?: (counts: Counts) => void;
}

/** What was done, and the first batch that went wrong. */
export interface SoakResult {
  readonly counts: Counts;
  readonly failed?: FailedBatch;
}

/** A batch that showed a fault. */
export interface FailedBatch {
  readonly seed: number;
  readonly tasks: readonly Task[];
  readonly operations: readonly Operation[];
  readonly faults: readonly Fault[];
}

/** Runs batches of random tasks until so many operations are done, or one went wrong. */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  const { world, seed, operations, until, signal } = options;
  let run = await batchRunner(options);
  let counts = noCounts();
  for (let batch = 0; counts.operations < operations && !signal?.aborted; batch++) {
    // A batch has a seed of its own, so that it can be run again without those before it.
    const batchSeed = (seed + batch * 0x9e37_79b9) | 0;
    if (batch % 4 === 0) await clearRows(world);
    const tasks = tasksOf(options, batchSeed);
    const result = await run(tasks, counts.operations);
    counts = countOperations(counts, result.operations);
    options.onBatch?.(counts);
    if (result.faults.length === 0) continue;
    if (until === undefined || result.faults.some(({ kind }) => kind === until))
      return { counts, failed: { seed: batchSeed, tasks, ...result } };
    await world.renew();
    run = await batchRunner(options);
  }
  return { counts };
}

/** The tasks that a seed stands for. */
export function tasksOf({ world, batch = 60 }: SoakOptions, seed: number): readonly Task[] {
  const [tasks = []] = fc.sample(randomTasks({ tenants: world.tenants.length, most: batch }), { seed, numRuns: 1 });
  return tasks;
}

/** Runs one batch after the other in the same world. */
export async function batchRunner({ world, concurrency = 8, without = [] }: SoakOptions) {
  const skips = (step: string) => without.some((beginning) => step.startsWith(beginning));
  const asNew = await newTraces(world);
  return (tasks: readonly Task[], firstId: number) => runBatch({ world, tasks, concurrency, firstId, asNew, skips });
}

/** On a busy machine the first connection may take longer than code should wait for one. */
async function newTraces({ pool }: World): Promise<Traces> {
  for (let attempt = 1; ; attempt++) {
    try {
      const client = await pool.connect();
      try {
        return await tracesOf(client);
      } finally {
        client.release();
      }
    } catch (error) {
      if (attempt === 50) throw error;
    }
  }
}
