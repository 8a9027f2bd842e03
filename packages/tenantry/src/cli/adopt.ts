import { type Command, Option } from 'commander';
import type { AdoptConfig } from '../adopt/adopt-config.js';
import type { Adoption, AdoptionOutcome } from '../adopt/adoption.js';
import type { AdoptionOptions, LockingOptions } from '../adopt/adoption-options.js';
import { planAdoption } from '../adopt/plan-adoption.js';
import { compileMigrations } from '../migrations/compile-migrations.js';
import { AdoptionProgress } from './adoption-progress.js';
import { planLines, verifyLines } from './adoption-lines.js';
import type { CliContext, ExitCode } from './cli-context.js';
import type { CliDatabase, LoadedConfig } from './config.js';
import type { Register } from './register.js';
import { fleetServices, withFleet, withOwner } from './open-fleet.js';
import { UsageError } from './usage-error.js';

interface Flags {
  readonly connections?: string;
  readonly lockMax?: string;
}

type Act = (context: CliContext, adoption: Adoption, options: LockingOptions) => Promise<void>;

/** `tenantry adopt plan|run|verify|cutover|rollback|finish|abort`. */
export const register: Register = (program, run) => {
  const adopt = program
    .command('adopt')
    .description('move tenants from shared tables with a tenant column into tenant schemas')
    .addHelpText(
      'after',
      '\nThe section `adopt` of the config names the tables. In order: plan, run, verify, cutover, finish.',
    );
  adopt
    .command('plan')
    .description('show what is there, what would be done, and every problem; changes nothing')
    .action((_: unknown, command: Command) => run(command, plan));
  const step = (name: string, description: string, act: Act, locks = false) => {
    const command = adopt
      .command(name)
      .description(description)
      .addOption(new Option('--connections <n>', 'how many connections work at the same time').default('4'));
    if (locks)
      command.addOption(
        new Option('--lock-max <ms>', 'how many milliseconds writers may have to wait').default('2000'),
      );
    command.action((_: unknown, own: Command) => run(own, (context) => take(context, own.opts<Flags>(), act)));
  };
  step('run', 'make the tenants and copy their rows; go on where an earlier run ended', copy);
  step('verify', 'compare both sides: rows and checksums per tenant and table', verify);
  step('cutover', 'turn to the tenant schemas; the shared tables refuse changes from then on', cutover, true);
  step('rollback', 'turn back to the shared tables, with what was written since', rollback, true);
  step('finish', 'end it after the cutover; there is no way back from then on', finish);
  step('abort', 'give it up before the cutover: the tenant tables are emptied again', abort);
};

async function plan(context: CliContext): Promise<void> {
  const { config } = await context.load();
  const asked = adoptOf(config.adopt);
  await context.withDatabase(async (database) => {
    const [service] = fleetServices(database, asked.service);
    const { migrations = {}, sharedSchemas = [], shared } = service?.config ?? {};
    const ships = {
      migrations: await compileMigrations(asked.service, migrations),
      sharedSchemas: [...sharedSchemas, ...(shared && !sharedSchemas.includes(shared.schema) ? [shared.schema] : [])],
    };
    const found = await withOwner(database, (owner) => planAdoption(owner, asked, ships));
    context.exitCode = found.plan.ok ? 0 : 1;
    if (context.json) context.out(JSON.stringify(found.plan));
    else for (const line of planLines(found.plan)) context.out(line);
  });
  await context.flushed();
}

async function take(context: CliContext, flags: Flags, act: Act): Promise<void> {
  const concurrency = count('--connections', flags.connections ?? '4', 12);
  const lockMaxMs = count('--lock-max', flags.lockMax ?? '2000', 600_000);
  const asked = adoptOf((await context.load()).config.adopt);
  await context.withDatabase((database) =>
    withAdoption(database, asked, concurrency, async (adoption) => {
      const progress = new AdoptionProgress(context);
      const options: LockingOptions = {
        concurrency,
        lockMaxMs,
        signal: context.signal,
        onEvent: (event) => progress.show(event),
      };
      try {
        await act(context, adoption, options);
      } finally {
        progress.end();
      }
    }),
  );
  await context.flushed();
}

/** Opens as many connections as work, one that leads, and one that holds the lock. */
function withAdoption(
  database: CliDatabase & LoadedConfig,
  asked: AdoptConfig,
  concurrency: number,
  fn: (adoption: Adoption) => Promise<void>,
): Promise<void> {
  const [service] = fleetServices(database, asked.service);
  if (!service) throw new UsageError(`The config has no service "${asked.service}".`);
  return withFleet(database, service, concurrency + 2, async (tenancy) => fn(await tenancy.adoption(asked)));
}

const exitCodes: Readonly<Record<AdoptionOutcome['status'], ExitCode>> = { copied: 0, failed: 1, stopped: 3 };

async function copy(context: CliContext, adoption: Adoption, options: AdoptionOptions): Promise<void> {
  const outcome = await adoption.run(options);
  context.exitCode = exitCodes[outcome.status];
  const { status, tenants, copied, failed, pending, tookMs } = outcome;
  say(context, { type: 'outcome', ...outcome }, [
    `${status}: ${copied} of ${tenants} tenants in ${(tookMs / 1000).toFixed(1)} s, ${failed} failed, ${pending} changes wait`,
    status === 'copied'
      ? 'look at it with: tenantry adopt verify; then: tenantry adopt cutover'
      : 'go on with: tenantry adopt run',
  ]);
}

async function verify(context: CliContext, adoption: Adoption, options: AdoptionOptions): Promise<void> {
  const report = await adoption.verify(options);
  context.exitCode = report.stopped ? 3 : report.same ? 0 : 1;
  say(context, { type: 'verified', ...report }, verifyLines(report));
}

async function cutover(context: CliContext, adoption: Adoption, options: LockingOptions): Promise<void> {
  const report = await adoption.cutover(options);
  say(context, { type: 'cutover', ...report }, [
    `cut over: writers waited ${report.lockedMs + report.waitedMs} ms, ${report.lockedMs} ms of it for the last changes; attempt ${report.attempts}`,
    'the tenant schemas are in use; go back with: tenantry adopt rollback; end it with: tenantry adopt finish',
  ]);
}

async function rollback(context: CliContext, adoption: Adoption, options: LockingOptions): Promise<void> {
  const report = await adoption.rollback(options);
  say(context, { type: 'rollback', ...report }, [
    `rolled back: writers waited ${report.lockedMs + report.waitedMs} ms; the shared tables are in use again`,
  ]);
}

async function finish(context: CliContext, adoption: Adoption, options: AdoptionOptions): Promise<void> {
  await adoption.finish(options);
  say(context, { type: 'finished' }, [
    'finished: nothing is captured any more; the shared tables stay, closed, until you drop them',
  ]);
}

async function abort(context: CliContext, adoption: Adoption, options: AdoptionOptions): Promise<void> {
  await adoption.abort(options);
  say(context, { type: 'aborted' }, [
    'aborted: the shared tables are as they were; the tenants stay, with empty tables',
  ]);
}

function say(context: CliContext, document: object, lines: readonly string[]): void {
  if (context.json) context.out(JSON.stringify(document));
  else for (const line of lines) context.out(line);
}

function adoptOf(adopt: AdoptConfig | undefined): AdoptConfig {
  if (adopt) return adopt;
  throw new UsageError('The config has no section `adopt`.');
}

function count(option: string, text: string, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new UsageError(`${option} ${text} is not a number from 1 to ${most}.`);
}
