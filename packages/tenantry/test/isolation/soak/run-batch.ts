import { checkHistory } from './check-history.js';
import type { Rows } from './findings.js';
import type { Fault } from './fault.js';
import { History, type Operation } from './history.js';
import { lookAtConnections, type Traces } from './look-at-connections.js';
import { runTask } from './run-task.js';
import type { Task } from './steps.js';
import { standstill } from './watchdog.js';
import type { World } from './world.js';

/** One batch of tasks. */
export interface BatchOptions {
  readonly world: World;
  readonly tasks: readonly Task[];
  /** Tasks at the same time. */
  readonly concurrency: number;
  /** Id of the first operation. */
  readonly firstId: number;
  /** What a new connection looks like. */
  readonly asNew: Traces;
  readonly skips: (step: string) => boolean;
}

/** What came of it. */
export interface BatchResult {
  readonly operations: readonly Operation[];
  readonly faults: readonly Fault[];
}

/** Runs tasks at the same time, waits until all is quiet, and judges what happened. */
export async function runBatch({
  world,
  tasks,
  concurrency,
  firstId,
  asNew,
  skips,
}: BatchOptions): Promise<BatchResult> {
  const history = new History(firstId);
  const faults: Fault[] = [];
  const before = await readRows(world);
  const uncaught = (error: unknown) => void faults.push({ kind: 'uncaught', says: String(error), operations: [] });
  process.on('uncaughtException', uncaught);
  try {
    const left = [...tasks.entries()];
    const work = async () => {
      for (let next = left.shift(); next; next = left.shift()) {
        const [task, steps] = next;
        await runTask({ world, history, task, skips }, steps).catch(() => undefined);
      }
    };
    if (await hangs(Promise.all(Array.from({ length: concurrency }, work)), history, world)) {
      const pending = history.pending();
      const says = `nothing happens any more, and ${pending.length} operations were never answered`;
      return { operations: history.operations, faults: [...faults, { kind: 'hang', says, operations: pending }] };
    }
    const connections = await lookAtConnections(world, asNew);
    const { roleOf, limit } = { roleOf: (tenant: string) => world.schemaOf(tenant), limit: world.limit };
    const after = await readRows(world);
    const { operations } = history;
    faults.push(...checkHistory({ operations, before, after, roleOf, ...(limit !== undefined && { limit }) }));
    return { operations, faults: [...faults, ...connections] };
  } finally {
    process.off('uncaughtException', uncaught);
  }
}

async function hangs(work: Promise<unknown>, history: History, world: World): Promise<boolean> {
  const watching = new AbortController();
  const still = standstill(() => history.ticks, world, watching.signal).then(() => true);
  try {
    return await Promise.race([work.then(() => false), still]);
  } finally {
    watching.abort();
  }
}

/** Every tenant's rows, as a superuser sees them. */
async function readRows({ admin, tenants, schemaOf }: World): Promise<Rows> {
  const each = tenants.map((tenant) => `select '${tenant}' as tenant, token from ${schemaOf(tenant)}.entry`);
  const { rows } = await admin.query<{ tenant: string; token: string }>(each.join(' union all '));
  const tokens = new Map<string, string[]>(tenants.map((tenant) => [tenant, []]));
  for (const { tenant, token } of rows) tokens.get(tenant)?.push(token);
  return tokens;
}

/** Empties the tables, so that reads stay small. */
export async function clearRows({ admin, tenants, schemaOf }: World): Promise<void> {
  await admin.query(`truncate ${tenants.map((tenant) => `${schemaOf(tenant)}.entry`).join(', ')}`);
}
