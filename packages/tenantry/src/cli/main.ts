import { Command, CommanderError } from 'commander';
import { translateError } from '../postgres/translate-error.js';
import { CliContext, type GlobalOptions } from './cli-context.js';
import type { Register, Run } from './register.js';
import { UsageError } from './usage-error.js';

/** Commands are loaded when they are called, so that a deploy which finds nothing to do is over soon. */
const commands: Readonly<Record<string, () => Promise<{ register: Register }>>> = {
  migrate: () => import('./migrate.js'),
  rollout: () => import('./rollout.js'),
  migration: () => import('./migration.js'),
  drift: () => import('./drift.js'),
  doctor: () => import('./doctor.js'),
  tenant: () => import('./tenant.js'),
  export: () => import('./export.js'),
  import: () => import('./import.js'),
  clone: () => import('./clone.js'),
  query: () => import('./query.js'),
  adopt: () => import('./adopt.js'),
};

/** Runs the program that `process.argv` asks for and sets the exit code. */
export async function main(argv: readonly string[] = process.argv.slice(2)): Promise<void> {
  const program = new Command('tenantry')
    .description('Schema-per-tenant PostgreSQL: migrations, the fleet, tenants.')
    .option('--config <file>', 'config file (default: the nearest tenantry.config.js)')
    .option('--json', 'for machines: write JSON to stdout, and nothing else')
    .addHelpText('after', '\nExit codes: 0 done, 1 something failed, 2 wrong usage, 3 a rollout was halted.')
    .exitOverride()
    .showHelpAfterError('(tenantry --help lists the commands)');
  try {
    for (const { register } of await wanted(argv)) register(program, run);
    neverExit(program);
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    process.exitCode = exitCodeOf(error);
  }
}

/** Makes commander throw errors of usage, in every command, instead of ending the process. */
function neverExit(command: Command): void {
  command.exitOverride();
  for (const each of command.commands) neverExit(each);
}

async function wanted(argv: readonly string[]): Promise<{ register: Register }[]> {
  const named = argv.find((word) => word in commands);
  const loaders = named === undefined ? Object.values(commands) : [commands[named]];
  return Promise.all(loaders.map((load) => load?.()).filter((load) => load !== undefined));
}

const run: Run = async (command, action) => {
  const context = new CliContext(command.optsWithGlobals<GlobalOptions>());
  const interrupt = () => context.interrupt();
  // The second Ctrl-C ends the process at once, as everywhere.
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    await action(context);
    process.exitCode = context.exitCode;
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
};

function exitCodeOf(error: unknown): number {
  // Commander has said what was wrong; help and version are no errors.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const known = translateError(error);
  const usage = error instanceof UsageError || known?.code === 'TENANCY_OPTION_INVALID' || known?.status === 400;
  const sentence = known?.operatorMessage ?? (error instanceof UsageError ? error.message : undefined);
  process.stderr.write(sentence === undefined ? `${stackOf(error)}\n` : `error: ${sentence}\n`);
  return usage ? 2 : 1;
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : `Thrown: ${JSON.stringify(error)}`;
}
