import { SingleBar, Presets } from 'cli-progress';
import { requireCatalog } from '../catalog/install-catalog.js';
import { detectDrift } from '../drift/detect-drift.js';
import type { DriftReport } from '../drift/drift-report.js';
import { connectionTarget } from '../postgres/connection-url.js';
import { OwnerPool } from '../postgres/owner-pool.js';
import type { CliContext } from './cli-context.js';
import type { CliDatabase } from './config.js';
import { driftLines } from './drift-lines.js';
import type { Register } from './register.js';

interface Options {
  readonly service?: string;
  readonly tenant?: string[];
}

/** `tenantry drift`: exit code 0 when nothing drifted, 1 when something did. */
export const register: Register = (program, run) => {
  const command = program
    .command('drift')
    .description('Compare every tenant schema with what its ledger says it should be; changes nothing.')
    .option('--service <name>', 'of one service only')
    .option('--tenant <id...>', 'of these tenants only')
    .addHelpText('after', '\nExit codes: 0 nothing drifted, 1 something did (or could not be compared), 2 wrong usage.')
    .action(() => run(command, (context) => drift(context, command.opts<Options>())));
};

async function drift(context: CliContext, { service, tenant: tenants }: Options): Promise<void> {
  const report = await context.withDatabase((database) =>
    withPool(database, async (owner) => {
      const bar = context.terminal ? progressBar() : undefined;
      const onProgress = (checked: number, total: number) => {
        bar?.setTotal(total);
        bar?.update(checked);
      };
      try {
        return await detectDrift(owner, { service, tenants }, { signal: context.signal, onProgress });
      } finally {
        bar?.stop();
      }
    }),
  );
  context.exitCode = report.clean ? 0 : 1;
  print(context, report);
  await context.flushed();
}

function print(context: CliContext, report: DriftReport): void {
  if (context.json) context.out(JSON.stringify(report));
  else for (const line of driftLines(report)) context.out(line);
  if (report.stopped) context.note('Stopped before the end: tenants that were not looked at may have drifted too.');
}

async function withPool<T>({ url, ownerUrl }: CliDatabase, fn: (owner: OwnerPool) => Promise<T>): Promise<T> {
  const owner = new OwnerPool({
    connectionString: connectionTarget(ownerUrl ?? url, ownerUrl === undefined ? 'url' : 'ownerUrl').url,
    variable: ownerUrl === undefined ? 'DATABASE_URL' : 'DATABASE_OWNER_URL',
    max: 1,
    connectionTimeoutMillis: 10_000,
    application_name: 'tenantry drift',
  });
  try {
    await requireCatalog(owner, owner.variable);
    return await fn(owner);
  } finally {
    await owner.end();
  }
}

function progressBar(): SingleBar {
  const format = 'Comparing {bar} {value}/{total} tenant schemas, {eta_formatted} left';
  const bar = new SingleBar(
    { format, stream: process.stderr, clearOnComplete: true, hideCursor: true },
    Presets.shades_classic,
  );
  bar.start(1, 0);
  return bar;
}
