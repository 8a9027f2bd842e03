import type { AnswerRow } from '../isolation/read-only-flight.js';
import { cellValue } from './cell.js';
import type { Report, ReportColumn, ReportRow } from './report.js';
import type { MergedColumn } from './report-columns.js';
import { type ReportOptions, resolveReport } from './report-options.js';
import { type ReportParts, ReportRun } from './run-report.js';

/** Makes a report, with all its rows in memory. */
export async function makeReport(
  parts: ReportParts & { readonly pool: { readonly options: { readonly max?: number } } },
  options: ReportOptions,
): Promise<Report> {
  const request = resolveReport(options);
  // Leaves a connection for requests that are served meanwhile.
  const concurrency = Math.min(request.concurrency, Math.max(1, (parts.pool.options.max ?? 10) - 1));
  const rows: ReportRow[] = [];
  let columns: readonly MergedColumn[] = [];
  const { aggregate, ...outcome } = await new ReportRun(
    parts,
    { ...request, concurrency },
    {
      columns: (merged) => void (columns = merged),
      rows: (tenant, answered) => void rows.push(...answered.map((row) => ({ tenant, ...rowOf(columns, row) }))),
    },
  ).run();
  return {
    ...outcome,
    columns: [{ name: 'tenant', type: 'text' }, ...columns.map(described)],
    rows,
    aggregate: aggregate && {
      columns: aggregate.columns.map(described),
      rows: aggregate.rows.map((row) => rowOf(aggregate.columns, row)),
    },
  };
}

function described({ name, type }: MergedColumn): ReportColumn {
  return { name, type };
}

function rowOf(columns: readonly MergedColumn[], row: AnswerRow): ReportRow {
  return Object.fromEntries(columns.map((column, index) => [column.name, cellValue(row[index] ?? null, column)]));
}
