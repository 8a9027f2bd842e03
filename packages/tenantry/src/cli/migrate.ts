import { Command, Option } from 'commander';
import { readNotAt } from '../fleet/fleet-tenant.js';
import type { MigrateOptions } from '../fleet/fleet.js';
import { planRollout, type RolloutPlan } from '../fleet/rollout-plan.js';
import { RolloutStore } from '../fleet/rollout-store.js';
import { parseSelector } from '../fleet/selector.js';
import { compileMigrations } from '../migrations/compile-migrations.js';
import type { CliContext, ExitCode } from './cli-context.js';
import type { CliDatabase, LoadedConfig } from './config.js';
import { followRollout } from './follow-rollout.js';
import type { Register } from './main.js';
import { type FleetService, fleetServices, isRegistered, withFleet, withOwner } from './open-fleet.js';
import { planAsJson, printPlan } from './print-plan.js';
import { UsageError } from './usage-error.js';

interface Flags {
  readonly service?: string;
  readonly tenant?: string[];
  readonly where?: string;
  readonly dryRun?: boolean;
  readonly canary?: string;
  readonly wave?: string;
  readonly maxFailures?: string;
  readonly connections: string;
  readonly to?: string;
}

/** `tenantry migrate` and `tenantry migrate down`. */
export const register: Register = (program, run) => {
  const migrate = withOptions(new Command('migrate'))
    .description('take tenants to the head of their service: plan, then canary, then waves')
    .action((_: unknown, command: Command) => run(command, (context) => act(context, command.opts<Flags>(), 'up')));
  withOptions(migrate.command('down'))
    .description('take tenants back to a migration; they stay there until they are migrated by command')
    .requiredOption('--to <migration>', 'the migration to stop at, or none')
    .action((_: unknown, command: Command) =>
      run(command, (context) => act(context, command.optsWithGlobals<Flags>(), 'down')),
    );
  program.addCommand(migrate);
};

function withOptions(command: Command): Command {
  return command
    .option('--service <name>', 'one service (default: all of the config)')
    .option('--tenant <id...>', 'only these tenants')
    .option('--where <selector>', 'only tenants with this status and these labels, such as status=active,tier=gold')
    .option('--dry-run', 'print the plan and change nothing')
    .option('--canary <n>', 'tenants that go first; a failure among them halts the rollout')
    .option('--wave <ends>', 'ends of the waves after the canary, such as 10%,50%,100%')
    .option('--max-failures <n>', 'failures to put up with: a number, or a share such as 1%')
    .addOption(new Option('--connections <n>', 'tenants are migrated over so many connections').default('4'));
}

async function act(context: CliContext, flags: Flags, direction: 'up' | 'down'): Promise<void> {
  const options = readFlags(flags, direction);
  await context.withDatabase(async (database) => {
    let worst: ExitCode = 0;
    for (const service of fleetServices(database, flags.service)) {
      const code = await migrateService(context, database, service, { ...options, dryRun: flags.dryRun ?? false });
      worst = Math.max(worst, code) as ExitCode;
      if (worst === 3) break;
    }
    context.exitCode = worst;
  });
}

type Asked = MigrateOptions & { readonly concurrency: number; readonly dryRun: boolean };

async function migrateService(
  context: CliContext,
  database: CliDatabase & LoadedConfig,
  service: FleetService,
  options: Asked,
): Promise<ExitCode> {
  const { total, plan } = await look(database, service, options);
  if (options.dryRun || (total === 0 && plan)) {
    if (plan && context.json)
      context.out(JSON.stringify({ service: service.name, type: 'planned', plan: planAsJson(plan) }));
    else
      for (const line of plan ? printPlan(plan) : [`${service.name}: the catalog is not installed yet`])
        context.out(line);
    return 0;
  }
  return holding(database, service, () =>
    withFleet(database, service, options.concurrency, ({ fleet }) =>
      followRollout(
        context,
        service.name,
        fleet.migrate({ ...options, service: service.name, signal: context.signal }),
      ),
    ),
  );
}

/** Registering a new head wakes every reconciler; the canary has to come first. */
async function holding<T>(
  database: CliDatabase & LoadedConfig,
  { name }: FleetService,
  fn: () => Promise<T>,
): Promise<T> {
  const held = await withOwner(database, async (owner) =>
    (await hasCatalog(owner)) ? new RolloutStore(owner).hold(name) : undefined,
  );
  const result = await fn();
  // On a connection of its own again: PostgreSQL may have been away meanwhile.
  if (held !== undefined) await withOwner(database, (owner) => new RolloutStore(owner).letGo(held));
  return result;
}

/** Two queries, and no change: a deploy that finds everybody at head ends here. */
async function look(
  database: CliDatabase & LoadedConfig,
  service: FleetService,
  { selector = {}, direction = 'up', to, canary, waves }: Asked,
): Promise<{ total: number; plan: RolloutPlan | undefined }> {
  const migrations = await compileMigrations(service.name, service.config.migrations ?? {});
  const target = to === undefined ? (migrations.at(-1)?.name ?? null) : to;
  return withOwner(database, async (owner) => {
    const registered = await isRegistered(owner, service, migrations);
    const there = registered || (await hasCatalog(owner));
    if (!there) return { total: 0, plan: undefined };
    const tenants = await readNotAt(owner, service.name, target, selector);
    const plan = planRollout({
      service: service.name,
      direction,
      migrations,
      target,
      tenants,
      staging: { canary, waves },
    });
    // What is not registered yet has to be, also where no tenant waits for it.
    return { total: registered ? plan.total : 1, plan };
  });
}

async function hasCatalog(owner: { query(text: string): Promise<{ rows: unknown[] }> }): Promise<boolean> {
  const { rows } = await owner.query("select from pg_class where oid = to_regclass('tenantry.rollout')");
  return rows.length > 0;
}

function readFlags(flags: Flags, direction: 'up' | 'down'): MigrateOptions & { readonly concurrency: number } {
  const { tenant, where, canary, wave, maxFailures, to } = flags;
  if (maxFailures !== undefined && !/^\d+(?:\.\d+)?%?$/.test(maxFailures)) {
    throw new UsageError(`--max-failures ${maxFailures} is neither a number nor a share such as 1%.`);
  }
  return {
    selector: parseSelector(where, tenant),
    direction,
    to: to === 'none' ? null : to,
    canary: canary === undefined ? undefined : count('--canary', canary, 1_000_000),
    waves: wave?.split(','),
    maxFailures,
    concurrency: count('--connections', flags.connections, 15),
  };
}

function count(option: string, text: string, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new UsageError(`${option} ${text} is not a number from 1 to ${most}.`);
}
