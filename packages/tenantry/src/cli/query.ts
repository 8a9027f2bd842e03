import { SingleBar } from 'cli-progress';
import { Option } from 'commander';
import { openServing } from '../database.js';
import { type AggregateAnswer, ReportRun, type ReportSink } from '../query/run-report.js';
import type { ReportOutcome } from '../query/report.js';
import type { MergedColumn } from '../query/report-columns.js';
import { resolveReport } from '../query/report-options.js';
import { parseSelector } from '../fleet/selector.js';
import { resolveOptions } from '../options.js';
import type { CliContext } from './cli-context.js';
import type { CliDatabase, LoadedConfig } from './config.js';
import type { Register } from './register.js';
import { csv, type FormatColumn, jsonLines, jsonObject, reportTable, tenantColumn } from './report-formats.js';
import { UsageError } from './usage-error.js';

interface Flags {
  readonly service?: string;
  readonly tenant?: string[];
  readonly where?: string;
  readonly aggregate?: string;
  readonly format?: 'table' | 'json' | 'csv';
  readonly limit: string;
  readonly limitPerTenant: string;
  readonly timeout: string;
  readonly connections: string;
}

type NamedColumn = Pick<MergedColumn, 'name' | 'oid' | 'type'>;
type Rows = (readonly (string | null)[])[];

/** `tenantry query`: exit code 0 when every selected tenant is in the answer with all its rows, 1 when something is missing. */
export const register: Register = (program, run) => {
  const command = program
    .command('query')
    .description(
      'Run one select in every selected tenant, each under its own role, and merge the rows; changes nothing.',
    )
    .argument('<select>', 'its tables are named without a schema')
    .option('--service <name>', 'of this service (default: the only one)')
    .option('--tenant <id...>', 'only these tenants, whatever their status')
    .option('--where <selector>', 'only tenants with this status and these labels (default: status=active)')
    .option('--aggregate <select>', 'a select over all rows, which are in the table "merged"')
    .addOption(
      new Option('--format <format>', 'how rows are printed (default: table)').choices(['table', 'json', 'csv']),
    )
    .option('--limit <n>', 'most rows in all', '100000')
    .option('--limit-per-tenant <n>', 'most rows of one tenant', '10000')
    .option('--timeout <ms>', 'milliseconds the select may run in one tenant; 0 is no limit', '30000')
    .option('--connections <n>', 'tenants that are asked at the same time', '4')
    .addHelpText('after', help)
    .action((sql: string) => run(command, (context) => query(context, sql, command.opts<Flags>())));
};

const help = `
csv and json print rows as they come, json one object a line. --json prints one document with columns, rows and failures.

Exit codes: 0 every selected tenant is in the answer, 1 something failed or was cut, 2 wrong usage or wrong SQL.

Examples:
  tenantry query "select count(*) as items from item"
  tenantry query "select id, name from item where price > 100" --where tier=gold --format csv > items.csv
  tenantry query "select count(*) as items from item" --aggregate "select sum(items), max(items) from merged"`;

async function query(context: CliContext, sql: string, flags: Flags): Promise<void> {
  const { service, aggregate } = flags;
  if (context.json && flags.format !== undefined && flags.format !== 'json')
    throw new UsageError(`--json prints one JSON document; leave it out for --format ${flags.format}.`);
  const concurrency = whole('--connections', flags.connections, 1, 50);
  const request = resolveReport({
    sql,
    service,
    aggregate,
    selector: parseSelector(flags.where, flags.tenant),
    limit: whole('--limit', flags.limit, 1, 10_000_000),
    limitPerTenant: whole('--limit-per-tenant', flags.limitPerTenant, 1, 10_000_000),
    timeoutMs: whole('--timeout', flags.timeout, 0, 86_400_000),
    concurrency,
    signal: context.signal,
  });
  const printer = new Printer(context, context.json ? 'document' : (flags.format ?? 'table'), aggregate !== undefined);
  await context.withDatabase(async (database) => {
    const { pool, target } = await openServing(resolveOptions(servingOptions(database, concurrency)));
    try {
      const { aggregate: answer, ...outcome } = await new ReportRun(
        { pool, database: target.database },
        request,
        printer.sink,
      ).run();
      await printer.end(outcome, answer);
      context.exitCode = outcome.complete ? 0 : 1;
    } finally {
      printer.stop();
      await pool.end();
    }
  });
  await context.flushed();
}

function servingOptions({ url, config }: CliDatabase & LoadedConfig, concurrency: number) {
  return {
    url,
    isolation: config.isolation,
    listenUrl: false as const,
    ownerConnections: 1,
    connections: concurrency + 3,
  };
}

function whole(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new UsageError(`${option} ${text} is not a whole number from ${least} to ${most}.`);
}

/** Prints rows as they come where the format allows it, and the outcome after them. */
class Printer {
  readonly #context: CliContext;
  readonly #format: 'table' | 'json' | 'csv' | 'document';
  readonly #bar: SingleBar | undefined;
  readonly #kept: Rows = [];
  #columns: readonly NamedColumn[] = [tenantColumn];
  readonly sink: ReportSink;

  constructor(context: CliContext, format: 'table' | 'json' | 'csv' | 'document', aggregated: boolean) {
    this.#context = context;
    this.#format = format;
    const streamed = !aggregated && (format === 'csv' || format === 'json');
    // A bar between rows on the same terminal would be noise.
    if (context.terminal && (!streamed || !process.stdout.isTTY)) {
      this.#bar = new SingleBar({
        format: 'Asking {bar} {value}/{total} tenants, {eta_formatted} left',
        clearOnComplete: true,
        hideCursor: true,
      });
    }
    this.sink = {
      columns: async (columns) => {
        this.#columns = [tenantColumn, ...columns];
        if (streamed) await context.write(this.#lines.head(this.#columns));
      },
      rows: async (tenant, rows) => {
        if (aggregated && format !== 'document') return;
        const all = rows.map((row) => [tenant, ...row]);
        if (streamed) await context.write(all.map((row) => this.#lines.row(this.#columns, row)).join(''));
        else for (const row of all) this.#kept.push(row);
      },
      ...(this.#bar && { progress: (done, total) => this.#progress(done, total) }),
    };
  }

  get #lines() {
    return this.#format === 'csv' ? csv : jsonLines;
  }

  #progress(done: number, total: number): void {
    if (this.#bar?.isActive) this.#bar.update(done);
    else this.#bar?.start(total, done);
  }

  stop(): void {
    this.#bar?.stop();
  }

  async end(outcome: ReportOutcome, aggregate: AggregateAnswer | null): Promise<void> {
    this.stop();
    if (this.#format === 'document') await this.#context.write(this.#document(outcome, aggregate));
    else if (aggregate) await this.#context.write(this.#text(aggregate.columns, aggregate.rows));
    else if (this.#kept.length > 0 || (this.#format === 'table' && outcome.answered > 0)) {
      await this.#context.write(reportTable(this.#columns, this.#kept));
    }
    if (this.#format !== 'document') for (const line of outcomeLines(outcome)) this.#context.note(line);
  }

  #text(columns: readonly MergedColumn[], rows: readonly (readonly (string | null)[])[]): string {
    if (this.#format === 'table') return reportTable(columns, rows);
    return this.#lines.head(columns) + rows.map((row) => this.#lines.row(columns, row)).join('');
  }

  #document(outcome: ReportOutcome, aggregate: AggregateAnswer | null): string {
    const list = (columns: readonly FormatColumn[], rows: Rows) =>
      `[${rows.map((row) => jsonObject(columns, row)).join(',')}]`;
    const names = (columns: readonly NamedColumn[]) =>
      JSON.stringify(columns.map(({ name, type }) => ({ name, type })));
    const answer = aggregate
      ? `{"columns":${names(aggregate.columns)},"rows":${list(aggregate.columns, [...aggregate.rows])}}`
      : 'null';
    const head = `{"columns":${names(this.#columns)},"rows":${list(this.#columns, this.#kept)},"aggregate":${answer}`;
    return `${head},${JSON.stringify(outcome).slice(1)}\n`;
  }
}

function outcomeLines({ answered, failures, cutTenants, limitReachedAt, stopped }: ReportOutcome): readonly string[] {
  return [
    ...failures.map(({ tenant, code, reason }) => `tenant ${tenant} failed, ${code ?? 'without a code'}: ${reason}`),
    ...(failures.length > 0 ? [`${answered} tenants answered, ${failures.length} failed`] : []),
    ...(answered + failures.length === 0 && !stopped ? ['No tenant is selected.'] : []),
    ...(cutTenants > 0
      ? [`${cutTenants} tenants have more rows than --limit-per-tenant; the rows beyond it are missing`]
      : []),
    ...(limitReachedAt === null
      ? []
      : [`--limit was reached at tenant ${limitReachedAt}; rows from there on are missing`]),
    ...(stopped ? ['Stopped before the end: tenants that were not asked are missing.'] : []),
  ];
}
