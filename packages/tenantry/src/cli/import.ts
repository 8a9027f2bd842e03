import type { CliContext } from './cli-context.js';
import { followCopy } from './follow-copy.js';
import type { Register } from './register.js';
import { withTenants } from './open-tenants.js';
import { printCopy } from './print-copy.js';

interface Flags {
  readonly as?: string;
  readonly name?: string;
}

/** `tenantry import`. */
export const register: Register = (program, run) => {
  const command = program
    .command('import <file>')
    .description('make a tenant from a file of tenantry export, and take it to head; - reads stdin')
    .option('--as <id>', 'id of the new tenant (default: the one in the file)')
    .option('--name <name>', 'name of the new tenant (default: the one in the file)')
    .action((file: string) => run(command, (context) => act(context, file, command.opts<Flags>())));
};

async function act(context: CliContext, file: string, { as, name }: Flags): Promise<void> {
  const from = file === '-' ? context.pipedIn() : file;
  const report = await context.withDatabase((database) =>
    withTenants(database, (tenants) => followCopy(context, (watch) => tenants.import({ from, as, name, ...watch }))),
  );
  printCopy(context, 'Imported', report);
  await context.flushed();
}
