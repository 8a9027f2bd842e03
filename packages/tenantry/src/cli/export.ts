import type { ExportReport } from '../copies/tenant-file/export-tenant.js';
import type { CliContext } from './cli-context.js';
import { followCopy, megabytes } from './follow-copy.js';
import type { Register } from './register.js';
import { withTenantsAsTheyAre } from './open-tenants.js';
import { UsageError } from './usage-error.js';

interface Flags {
  readonly output?: string;
  readonly force?: boolean;
}

/** `tenantry export`. */
export const register: Register = (program, run) => {
  const command = program
    .command('export <tenant>')
    .description('write one tenant into a file, with all its services as of one moment')
    .option('-o, --output <file>', 'the file (default: stdout, where that is no terminal)')
    .option('--force', 'replace a file that is there')
    .action((tenant: string) => run(command, (context) => act(context, tenant, command.opts<Flags>())));
};

async function act(context: CliContext, tenant: string, { output, force }: Flags): Promise<void> {
  const piped = output === undefined || output === '-';
  if (piped && context.json) throw new UsageError('With --json stdout is the report; name a file with -o.');
  const to = piped ? context.pipedOut() : output;
  if (!to) throw new UsageError('A terminal cannot show a tenant file; name a file with -o.');
  const report = await context.withDatabase((database) =>
    withTenantsAsTheyAre(database, (tenants) =>
      followCopy(context, (watch) => tenants.export(tenant, { to, force, ...watch })),
    ),
  );
  if (context.json) context.out(JSON.stringify(report));
  else context.note(lineOf(report, piped ? 'stdout' : output));
  await context.flushed();
}

function lineOf({ tenant, services, tables, rows, bytes, written }: ExportReport, to: string): string {
  const of = `${rows.toLocaleString('en')} rows of ${tables} tables (${services.join(', ')})`;
  return `Exported ${tenant} to ${to}: ${of}, ${megabytes(bytes)} in ${megabytes(written)}.`;
}
