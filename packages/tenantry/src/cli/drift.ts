import { SingleBar, Presets } from 'cli-progress';
import pg from 'pg';
import { requireCatalog } from '../catalog/install-catalog.js';
import { detectDrift } from '../fleet/drift/detect-drift.js';
import type { DriftReport } from '../fleet/drift/drift-report.js';
import { connectionTarget } from '../postgres/connection-url.js';
import type { CliContext } from './cli-context.js';
import { driftLines } from './drift-lines.js';
import type { Register } from './main.js';

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
  const report = await context.withDatabase(({ url, ownerUrl }) =>
    withPool(connectionTarget(ownerUrl ?? url, 'ownerUrl').url, async (owner) => {
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

async function withPool<T>(connectionString: string, fn: (owner: pg.Pool) => Promise<T>): Promise<T> {
  const owner = new pg.Pool({
    connectionString,
    max: 1,
    connectionTimeoutMillis: 10_000,
    application_name: 'tenantry drift',
  });
  // Without listeners the loss of a connection ends the process: of an idle one, and of one in use, whose statement says so.
  owner.on('error', () => undefined);
  owner.on('connect', (client) => client.on('error', () => undefined));
  try {
    await requireCatalog(owner);
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
