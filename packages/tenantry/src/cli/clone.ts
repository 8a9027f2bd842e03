import type { CliContext } from './cli-context.js';
import { followCopy } from './follow-copy.js';
import type { Register } from './register.js';
import { withTenants } from './open-tenants.js';
import { printCopy } from './print-copy.js';

interface Flags {
  readonly name?: string;
}

/** `tenantry clone`. */
export const register: Register = (program, run) => {
  const command = program
    .command('clone <tenant> <newId>')
    .description('copy a tenant inside the database, and take the copy to head')
    .option('--name <name>', "name of the new tenant (default: the original's)")
    .action((tenant: string, newId: string) =>
      run(command, (context) => act(context, tenant, newId, command.opts<Flags>())),
    );
};

async function act(context: CliContext, tenant: string, newId: string, { name }: Flags): Promise<void> {
  const report = await context.withDatabase((database) =>
    withTenants(database, (tenants) =>
      followCopy(context, (watch) => tenants.clone(tenant, newId, { name, ...watch })),
    ),
  );
  printCopy(context, `Cloned ${tenant} to`, report);
  await context.flushed();
}
