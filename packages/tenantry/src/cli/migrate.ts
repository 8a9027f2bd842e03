import { Command, Option } from 'commander';
import type { MigrateOptions } from '../fleet/fleet.js';
import { isOpposed, requireUnopposed } from '../fleet/judge-plan.js';
import { defaultLargeTableRows } from '../fleet/large-tables.js';
import { makePlan } from '../fleet/make-plan.js';
import { planAsJson } from '../fleet/plan-json.js';
import type { RolloutPlan } from '../fleet/rollout-plan.js';
import { RolloutStore } from '../fleet/rollout-store.js';
import { parseSelector } from '../fleet/selector.js';
import { compileMigrations } from '../migrations/compile-migrations.js';
import type { CliContext, ExitCode } from './cli-context.js';
import type { CliDatabase, LoadedConfig } from './config.js';
import { followRollout } from './follow-rollout.js';
import type { Register } from './register.js';
import { type FleetService, fleetServices, isRegistered, withFleet, withOwner } from './open-fleet.js';
import { printPlan } from './print-plan.js';
import { sayLost } from './say-lost.js';
import { UsageError } from './usage-error.js';

interface Flags {
  readonly service?: string;
  readonly tenant?: string[];
  readonly where?: string;
  readonly dryRun?: boolean;
  readonly canary?: string;
  readonly wave?: string;
  readonly maxFailures?: string;
  readonly allow?: string[];
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
    .option('--canary <n>', 'how many tenants go first; a failure among them halts the rollout')
    .option('--wave <ends>', 'ends of the waves after the canary, such as 10%,50%,100%')
    .option('--max-failures <n>', 'how many tenants may fail: a number, or a share such as 1%')
    .option('--allow <rule: reason...>', 'allow the plan to break a rule of the lint; the reason is kept')
    .addOption(new Option('--connections <n>', 'how many connections migrate tenants at the same time').default('4'));
}

async function act(context: CliContext, flags: Flags, direction: 'up' | 'down'): Promise<void> {
  const options = readFlags(flags, direction);
  await context.withDatabase(async (database) => {
    const looks: Look[] = [];
    for (const service of fleetServices(database, flags.service)) looks.push(await look(database, service, options));
    const onlySaid = flags.dryRun || looks.some(({ plan }) => plan && isOpposed(plan));
    for (const each of looks) if (onlySaid || each.atHead) say(context, each);
    for (const { lost } of looks) if (lost !== undefined) context.note(lost);
    // The plans of all services are judged before any service is changed.
    for (const { plan } of looks) if (plan) requireUnopposed(plan);
    if (onlySaid) return;
    const code = await migrateAll(context, database, looks, options);
    context.exitCode = code === 0 && looks.some(({ lost }) => lost !== undefined) ? 1 : code;
  });
}

async function migrateAll(
  context: CliContext,
  database: CliDatabase & LoadedConfig,
  looks: readonly Look[],
  options: Asked,
): Promise<ExitCode> {
  let worst: ExitCode = 0;
  for (const { service } of looks.filter(({ atHead }) => !atHead)) {
    const code = await migrateService(context, database, service, options);
    worst = Math.max(worst, code) as ExitCode;
    if (worst === 3) break;
  }
  return worst;
}

type Asked = MigrateOptions & { readonly concurrency: number };

function migrateService(
  context: CliContext,
  database: CliDatabase & LoadedConfig,
  service: FleetService,
  options: Asked,
): Promise<ExitCode> {
  const { name } = service;
  return holding(database, service, () =>
    withFleet(database, service, options.concurrency, ({ fleet }) =>
      followRollout(context, name, fleet.migrate({ ...options, service: name, signal: context.signal })),
    ),
  );
}

function say(context: CliContext, { service: { name: service }, plan }: Look): void {
  if (!plan) context.out(`${service}: the catalog is not installed yet`);
  else if (context.json) context.out(JSON.stringify({ service, type: 'planned', plan: planAsJson(plan) }));
  else for (const line of printPlan(plan)) context.out(line);
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
  // On a new connection, because PostgreSQL may have been away meanwhile.
  if (held !== undefined) await withOwner(database, (owner) => new RolloutStore(owner).letGo(held));
  return result;
}

/** A service, and what would be done to it. */
interface Look {
  readonly service: FleetService;
  /** `undefined` where the catalog is not installed yet. */
  readonly plan: RolloutPlan | undefined;
  /** Nothing is to be done: what it ships is registered, and every tenant is there. */
  readonly atHead: boolean;
  /** What PostgreSQL lost of tenants that are at head. */
  readonly lost?: string | undefined;
}

/** Three queries, and no change: a deploy that finds everybody at head ends here. */
async function look(database: CliDatabase & LoadedConfig, service: FleetService, options: Asked): Promise<Look> {
  const { name, config } = service;
  const migrations = await compileMigrations(name, config.migrations ?? {});
  const { largeTableRows = defaultLargeTableRows } = database.config;
  return withOwner(database, async (owner) => {
    const registered = await isRegistered(owner, service, migrations);
    const there = registered || (await hasCatalog(owner));
    if (!there) return { service, plan: undefined, atHead: false };
    const plan = await makePlan(owner, { ...options, service: name, migrations }, largeTableRows);
    const lost = await sayLost(owner, name, options.selector?.tenants);
    return { service, plan, atHead: registered && plan.total === 0, lost };
  });
}

async function hasCatalog(owner: { query(text: string): Promise<{ rows: unknown[] }> }): Promise<boolean> {
  const { rows } = await owner.query("select from pg_class where oid = to_regclass('tenantry.rollout')");
  return rows.length > 0;
}

function readFlags(flags: Flags, direction: 'up' | 'down'): MigrateOptions & { readonly concurrency: number } {
  const { tenant, where, canary, wave, maxFailures, allow, to } = flags;
  return {
    selector: parseSelector(where, tenant),
    direction,
    to: to === 'none' ? null : to,
    canary: canary === undefined ? undefined : count('--canary', canary, 1_000_000),
    waves: wave?.split(','),
    maxFailures,
    allow,
    concurrency: count('--connections', flags.connections, 15),
  };
}

function count(option: string, text: string, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new UsageError(`${option} ${text} is not a number from 1 to ${most}.`);
}
