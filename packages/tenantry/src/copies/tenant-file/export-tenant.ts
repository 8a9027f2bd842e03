import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { one } from '../../postgres/one.js';
import type { TenantId } from '../../tenant/tenant-id.js';
import type { CopyProgress, CopyWatch } from '../rows/copy-progress.js';
import { checksumOf } from '../rows/checksum.js';
import { onOwnConnection } from '../rows/own-connection.js';
import { pathOf, portableText } from '../rows/portable-text.js';
import { nameIn, writtenColumns } from '../rows/read-tables.js';
import { requireNoDrift } from '../rows/require-no-drift.js';
import { openSource, type SourceTenant, tablesOfAll } from '../rows/source-tenant.js';
import { type ByteSink, FileWriter } from './file-writer.js';
import type { Manifest, TableTotals } from './manifest.js';

/** What an export wrote. */
export interface ExportReport {
  readonly tenant: TenantId;
  readonly services: readonly string[];
  readonly tables: number;
  readonly rows: number;
  /** Bytes of rows, before they were compressed. */
  readonly bytes: number;
  /** Bytes of the file. */
  readonly written: number;
}

/**
 * Writes a tenant, all its services as of one moment, front to back. Memory does not depend on how many rows there are.
 *
 * @throws TenancyError `TENANCY_TENANT_DRIFTED`, or as {@link openSource}; also what `sink` throws.
 */
export async function exportTenant(
  owner: pg.Pool,
  tenant: TenantId,
  sink: ByteSink,
  { lockTimeoutMs, signal, onProgress }: CopyWatch & { readonly lockTimeoutMs: number },
): Promise<ExportReport> {
  await requireNoDrift(owner, tenant, signal);
  return onOwnConnection(owner, async (client) => {
    const source = await openSource(client, tenant, 'read only', lockTimeoutMs);
    const writer = new FileWriter(sink);
    await writer.begin(manifestOf(source, await versionOf(client)));
    await client.query(portableText());
    const totals = await writeRows(client, source, writer, { signal, onProgress });
    await writer.end(totals);
    return {
      tenant,
      services: source.schemas.map(({ service }) => service),
      tables: totals.length,
      rows: sum(totals.map(({ rows }) => rows)),
      bytes: sum(totals.map(({ bytes }) => bytes)),
      written: writer.written,
    };
  });
}

async function writeRows(
  client: pg.Client,
  source: SourceTenant,
  writer: FileWriter,
  { signal, onProgress }: CopyWatch,
): Promise<TableTotals[]> {
  const tables = tablesOfAll(source);
  const estimated = sum(tables.map(({ bytes }) => bytes));
  const totals: TableTotals[] = [];
  let done = 0;
  for (const { of, ...table } of tables) {
    await client.query(pathOf(of.schema, of.sharedSchemas));
    await writer.beginTable({ service: of.service, table: table.name });
    const columns = writtenColumns(table);
    const copy = client.query(copyTo(`copy (select ${columns} from only ${nameIn(of.schema, table.name)}) to stdout`));
    const before = done;
    for await (const bytes of copy as AsyncIterable<Buffer>) {
      signal?.throwIfAborted();
      done += bytes.length;
      await writer.data(bytes);
      const progress = { phase: 'rows', table: `${of.service}.${table.name}`, done } satisfies Partial<CopyProgress>;
      onProgress?.({ ...progress, total: Math.max(estimated, done) });
    }
    signal?.throwIfAborted();
    const { rows, checksum } = await checksumOf(client, of.schema, table);
    if (copy.rowCount !== rows) throw new Error(`"${table.name}" gave ${copy.rowCount} of its ${rows} rows`);
    totals.push({ service: of.service, table: table.name, rows, bytes: done - before, checksum });
  }
  return totals;
}

async function versionOf(client: pg.ClientBase): Promise<string> {
  const { rows } = await client.query<{ version: string }>("select current_setting('server_version') as version");
  return one(rows, "select current_setting('server_version')").version;
}

function manifestOf({ id, name, status, labels, schemas }: SourceTenant, postgres: string): Manifest {
  return {
    exportedAt: new Date().toISOString(),
    postgres,
    compression: 'zstd',
    tenant: { id, name, status, labels },
    services: schemas.map(({ service, head, ledger, tables, states, filledViews }) => ({
      service,
      head,
      ledger: [...ledger],
      tables: tables.map(({ name: table, columns }) => ({
        name: table,
        columns: columns.map(({ name: column, type, generated }) => ({ name: column, type, generated })),
      })),
      sequences: [...states],
      filledViews: [...filledViews],
    })),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, each) => all + each, 0);
}
