import { Command } from 'commander';
import Table from 'cli-table3';
import { type RolloutRecord, RolloutStore } from '../fleet/rollout-store.js';
import type { CliContext } from './cli-context.js';
import { failureLines } from './failure-lines.js';
import { followRollout } from './follow-rollout.js';
import type { Register } from './register.js';
import { fleetServices, withFleet, withOwner } from './open-fleet.js';
import { UsageError } from './usage-error.js';

/** `tenantry rollout list|show|resume|abort`. */
export const register: Register = (program, run) => {
  const rollout = program.command('rollout').description('look at rollouts, resume or give up one that was halted');
  rollout
    .command('list')
    .description('the newest rollouts')
    .option('--service <name>', 'of one service')
    .action((flags: { service?: string }, command: Command) =>
      run(command, (context) => withRollouts(context, async (store) => show(context, await store.list(flags.service)))),
    );
  rollout
    .command('show <id>')
    .description('one rollout, and which tenants failed in it')
    .action((id: string, _: unknown, command: Command) =>
      run(command, (context) =>
        withRollouts(context, async (store) => {
          const record = await store.find(number(id));
          const failures = await store.failures(record.id);
          if (context.json) return context.out(JSON.stringify({ ...record, failures }));
          show(context, [record]);
          if (record.reason !== null) context.out(record.reason);
          for (const failure of failures)
            for (const line of failureLines(`tenant ${failure.tenant}:`, failure)) context.out(line);
        }),
      ),
    );
  rollout
    .command('resume <id>')
    .description('go on where it ended; failed tenants are tried again')
    .action((id: string, _: unknown, command: Command) => run(command, (context) => resume(context, number(id))));
  rollout
    .command('abort <id>')
    .description('give it up: tenants stay where they are')
    .action((id: string, _: unknown, command: Command) =>
      run(command, (context) => withRollouts(context, async (store) => show(context, [await store.abort(number(id))]))),
    );
};

async function resume(context: CliContext, id: number): Promise<void> {
  const { service } = await withRollouts(context, (store) => store.findOpen(id));
  await context.withDatabase(async (database) => {
    const [found] = fleetServices(database, service);
    if (!found) throw new UsageError(`The config has no service "${service}".`);
    await withFleet(database, found, 4, async ({ fleet }) => {
      context.exitCode = await followRollout(context, service, await fleet.resume(id, { signal: context.signal }));
    });
  });
}

/** Looks without taking part: no catalog is installed and no migration registered. */
function withRollouts<T>(context: CliContext, fn: (store: RolloutStore) => Promise<T>): Promise<T> {
  return context.withDatabase((database) => withOwner(database, (owner) => fn(new RolloutStore(owner))));
}

function show(context: CliContext, rollouts: readonly RolloutRecord[]): void {
  if (context.json) return context.out(JSON.stringify(rollouts));
  if (rollouts.length === 0) return context.out('There is no rollout yet.');
  const table = new Table({
    head: ['id', 'service', 'to', 'status', 'done', 'failed', 'started'],
    style: { head: [], border: [] },
  });
  for (const { id, service, direction, target, status, total, done, failed, startedAt } of rollouts) {
    const to = `${direction === 'down' ? 'back to ' : ''}${target ?? 'none'}`;
    table.push([id, service, to, status, `${done}/${total}`, failed, startedAt.toISOString()]);
  }
  context.out(table.toString());
}

function number(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new UsageError(`"${text}" is not the number of a rollout; tenantry rollout list shows them.`);
}
