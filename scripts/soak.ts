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
  readonly url?: string;
}

const databaseName = 'tenantry_soak';

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
  .option('-u, --url <url>', "a superuser's, of another PostgreSQL than the embedded one")
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

// Kysely writes there what became of a statement that nobody waits for any more: that is what the soak does to it.
const complain = console.error.bind(console);
console.error = (...said: unknown[]) => {
  if (!String(said[0]).includes('failed in the background')) complain(...said);
};

// While a batch runs, what nobody catches is one of its faults. At any other time it is one of this program.
process.on('uncaughtException', (error) => {
  if (process.listenerCount('uncaughtException') > 1) return;
  console.error(error);
  process.exit(2);
});

try {
  process.exitCode = await run();
} catch (error) {
  console.error(error);
  process.exitCode = 2;
}
// What hung still has timers.
process.exit();

async function run(): Promise<number> {
  const { tenants, connections, url } = options;
  const server = url === undefined ? await ephemeralPostgres() : { url, stop: async () => undefined };
  const ids = Array.from({ length: tenants }, (_, index) => `t${index}`);
  try {
    const database = await createDatabase(server.url, ids);
    const world = await openGateWorld({ url: database, tenants: ids, connections });
    try {
      return options.replay === undefined ? await runSoak(world) : await runReplay(world, options.replay);
    } finally {
      await world.close();
      if (url !== undefined) await onServer(url, (client) => dropDatabase(client, ids));
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

async function createDatabase(serverUrl: string, tenants: readonly string[]): Promise<string> {
  await onServer(serverUrl, async (client) => {
    await dropDatabase(client, tenants);
    await client.query(`create database ${databaseName}`);
  });
  const url = new URL(serverUrl);
  url.pathname = `/${databaseName}`;
  return url.href;
}

/** Roles are the server's: those of the tenants, and of the login that Tenantry made for this database. */
async function dropDatabase(client: pg.Client, tenants: readonly string[]): Promise<void> {
  await client.query(`drop database if exists ${databaseName} with (force)`);
  const login = `tenantry_${databaseName}`;
  for (const role of [...tenants.map((tenant) => `${tenant}_soak`), `${login}.catalog`, login])
    await client.query(`drop role if exists ${pg.escapeIdentifier(role)}`);
}

async function onServer(url: string, fn: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await fn(client);
  } finally {
    await client.end();
  }
}

function whole(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text.replaceAll('_', ''));
    if (!Number.isInteger(value) || value < least)
      throw new InvalidArgumentError(`It is a whole number, at least ${least}.`);
    return value;
  };
}
