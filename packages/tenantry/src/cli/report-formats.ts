import Table from 'cli-table3';
import { cellJson } from '../query/cell.js';
import type { MergedColumn } from '../query/report-columns.js';

/** Rows as text, in one format. */
export interface RowFormat {
  /** Before the rows. */
  head(columns: readonly FormatColumn[]): string;
  row(columns: readonly FormatColumn[], cells: readonly (string | null)[]): string;
}

/** What a format needs to know of a column. */
export type FormatColumn = Pick<MergedColumn, 'name' | 'oid'>;

/** The column that comes before all others. */
export const tenantColumn = { name: 'tenant', oid: 25, type: 'text' } as const;

/** RFC 4180: lines end with CR LF. NULL is nothing, an empty text is `""`, as in PostgreSQL's own CSV. */
export const csv: RowFormat = {
  head: (columns) => csvLine(columns.map(({ name }) => name)),
  row: (_, cells) => csvLine(cells),
};

/** One JSON object a line. */
export const jsonLines: RowFormat = {
  head: () => '',
  row: (columns, cells) => `${jsonObject(columns, cells)}\n`,
};

/** One row as a JSON object. Pure. */
export function jsonObject(columns: readonly FormatColumn[], cells: readonly (string | null)[]): string {
  const members = columns.map(
    (column, index) => `${JSON.stringify(column.name)}:${cellJson(cells[index] ?? null, column)}`,
  );
  return `{${members.join(',')}}`;
}

/** A table for people; NULL and an empty text look the same. Pure. */
export function reportTable(columns: readonly FormatColumn[], rows: readonly (readonly (string | null)[])[]): string {
  const table = new Table({
    head: columns.map(({ name }) => shown(name)),
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows) table.push(row.map((cell) => shown(cell ?? '')));
  return `${table.toString()}\n`;
}

function csvLine(cells: readonly (string | null)[]): string {
  return `${cells.map((cell) => (cell === null ? '' : csvCell(cell))).join(',')}\r\n`;
}

function csvCell(text: string): string {
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Text as the terminal may show it: control characters that people stored must not reach it. */
function shown(text: string): string {
  return text.replace(/[^\P{Cc}\n]/gu, '?');
}
