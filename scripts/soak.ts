import { ephemeralPostgres } from '@tenantry/host/local-postgres';
import { SingleBar } from 'cli-progress';
import { Command, InvalidArgumentError } from 'commander';
import pg from 'pg';
import { describeFault } from '../packages/tenantry/test/isolation/soak/describe-fault.ts';
import { findSmallest } from '../packages/tenantry/test/isolation/soak/find-smallest.ts';
import { openGateWorld } from '../packages/tenantry/test/isolation/soak/gate-world.ts';
import { replay } from '../packages/tenantry/test/isolation/soak/replay.ts';
import { type FailedBatch, soak, type SoakOptions } from '../packages/tenantry/test/isolation/soak/soak.ts';
import type { World } from '../packages/tenantry/test/isolation/soak/world.ts';
import { stopRequest } from './stop-request.ts';

interface Options {
  readonly operations: number;
  readonly seed: number;
  readonly tenants: number;
  readonly connections: number;
  readonly minutes: number;
  readonly without: readonly string[];
  readonly replay?: number;
  readonly path?: string;
  readonly counts: boolean;
}

const program = new Command('npm run soak --')
  .description(
    'Random operations of several tenants over a few connections, behind the gate, on a PostgreSQL of its own. Every operation is written down; what happened is judged afterwards.',
  )
  .option('-o, --operations <number>', 'operations to do', whole(1), 1_000_000)
  .option('-s, --seed <number>', 'of everything random', whole(-(2 ** 31)), Date.now() % 2 ** 31)
  .option('-t, --tenants <number>', 'tenants', whole(2), 5)
  .option('-c, --connections <number>', 'connections of the pool', whole(1), 4)
  .option('-m, --minutes <number>', 'end after so many minutes, whatever was done', whole(1), 24 * 60)
  .option(
    '-w, --without <steps...>',
    'steps to leave out, by the beginning of their name: orm, lasting:hold, by:cursor',
    [],
  )
  .option('-r, --replay <seed>', 'run the one batch of this seed again, up to 50 times', whole(-(2 ** 31)))
  .option('-p, --path <path>', 'with --replay: the smaller tasks that a failed run found')
  .option('--counts', 'print how often each kind of operation was done', false)
  .addHelpText(
    'after',
    '\nExit codes: 0 nothing was found; 1 a fault was found; 2 wrong usage, could not run, or stopped early.',
  )
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .parse();

const options = program.opts<Options>();
const stopping = new AbortController();
void stopRequest(() => process.exit(2)).then(() => stopping.abort());
const timer = setTimeout(() => stopping.abort('minutes'), options.minutes * 60_000);
timer.unref();

try {
  process.exitCode = await run();
} catch (error) {
  console.error(error);
  process.exitCode = 2;
}
// What hung still has timers.
process.exit();

async function run(): Promise<number> {
  const server = await ephemeralPostgres();
  try {
    const world = await openGateWorld({
      url: await createDatabase(server.url),
      tenants: Array.from({ length: options.tenants }, (_, index) => `t${index}`),
      connections: options.connections,
    });
    try {
      return options.replay === undefined ? await runSoak(world) : await runReplay(world, options.replay);
    } finally {
      await world.close();
    }
  } finally {
    await server.stop();
  }
}

async function runSoak(world: World): Promise<number> {
  const { operations, seed, without, connections, tenants } = options;
  console.error(`Seed ${seed}, ${tenants} tenants, ${connections} connections.`);
  const bar = new SingleBar({
    format: '{bar} {value} of {total} operations, {duration_formatted}, {refused} refused, {lost} lost',
    noTTYOutput: !process.stderr.isTTY,
    notTTYSchedule: 10_000,
  });
  const soaking: SoakOptions = { world, seed, operations, without, signal: stopping.signal };
  bar.start(operations, 0, { refused: 0, lost: 0 });
  const { counts, failed } = await soak({
    ...soaking,
    onBatch: ({ operations: done, outcomes }) => {
      bar.update(Math.min(done, operations), { refused: outcomes['refused'] ?? 0, lost: outcomes['lost'] ?? 0 });
    },
  });
  bar.stop();
  console.log(`${counts.operations} operations: ${JSON.stringify(counts.outcomes)}`);
  if (options.counts) console.log(JSON.stringify({ kinds: counts.kinds, reasons: counts.reasons }, null, 1));
  if (failed) {
    await explain(soaking, failed);
    return 1;
  }
  console.log('0 foreign rows, 0 lost writes, 0 connections that hang, and nothing else was found.');
  return counts.operations < operations && stopping.signal.reason !== 'minutes' ? 2 : 0;
}

async function explain(soaking: SoakOptions, failed: FailedBatch): Promise<void> {
  console.log(`\n${failed.faults.length} faults. The first:`);
  for (const fault of failed.faults.slice(0, 3)) console.log(`\n${describeFault(fault, failed.operations)}`);
  console.log('\nLooking for the smallest tasks that do the same …');
  const smallest = await findSmallest(soaking, failed);
  const { repeats, tasks, path, faults, operations } = smallest;
  if (repeats) for (const fault of faults.slice(0, 1)) console.log(`\n${describeFault(fault, operations)}`);
  else console.log('It did not happen again; these are the tasks that the fault names:');
  console.log(`\n${JSON.stringify(tasks, null, 1)}`);
  const again = ['npm run soak --', `--replay ${failed.seed}`, ...(path === undefined ? [] : [`--path ${path}`])];
  const { tenants, connections, without } = options;
  if (without.length > 0) again.push(`--without ${without.join(' ')}`);
  console.log(`\nAgain: ${again.join(' ')} --tenants ${tenants} --connections ${connections}`);
}

async function runReplay(world: World, seed: number): Promise<number> {
  const { without, path } = options;
  const soaking: SoakOptions = { world, seed, operations: 1, without, signal: stopping.signal };
  const failed = await replay(soaking, { seed, ...(path !== undefined && { path }), tries: 50 });
  if (!failed) {
    console.log('It did not fail.');
    return stopping.signal.aborted ? 2 : 0;
  }
  for (const fault of failed.faults) console.log(`\n${describeFault(fault, failed.operations)}`);
  console.log(`\n${JSON.stringify(failed.tasks, null, 1)}`);
  return 1;
}

async function createDatabase(serverUrl: string): Promise<string> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  await client.query('create database soak');
  await client.end();
  const url = new URL(serverUrl);
  url.pathname = '/soak';
  return url.href;
}

function whole(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text.replaceAll('_', ''));
    if (!Number.isInteger(value) || value < least)
      throw new InvalidArgumentError(`It is a whole number, at least ${least}.`);
    return value;
  };
}
