import { quoteIdentifier } from '../postgres/quote.js';
import type { AnswerRow } from '../isolation/read-only-flight.js';
import type { MergedColumn } from './report-columns.js';
import { arrayText } from './report-options.js';

/** The statement for an aggregate over the merge. */
export interface AggregateStatement {
  readonly text: string;
  /** Length of what stands before the aggregate, for positions. */
  readonly before: number;
  readonly values: readonly string[];
  readonly types: readonly number[];
}

const arrayOfText = 1009;

/**
 * Puts the rows before an aggregate, as the table `merged`: one array for each column, so that types are kept, nothing is
 * written and no right to make a temporary table is needed. Pure.
 *
 * @param rows - With the tenant before the columns.
 */
export function aggregateStatement(
  aggregate: string,
  columns: readonly MergedColumn[],
  rows: readonly AnswerRow[],
): AggregateStatement {
  const names = ['tenant', ...columns.map(({ name }) => name)].map(quoteIdentifier).join(', ');
  const cells = ['c0', ...columns.map(({ cast }, index) => `c${index + 1}${cast === null ? '' : `::${cast}`}`)];
  const arrays = cells.map((_, index) => `$${index + 1}`).join(', ');
  const aliases = cells.map((_, index) => `c${index}`).join(', ');
  const head = `with merged (${names}) as (select ${cells.join(', ')} from unnest(${arrays}) as u (${aliases})) select * from (\n`;
  return {
    text: `${head}${aggregate.replace(/[;\s]+$/, '')}\n) as answer`,
    before: head.length,
    values: ['', ...columns.map(({ delimiter }) => delimiter)].map((delimiter, index) =>
      arrayText(
        rows.map((row) => row[index] ?? null),
        delimiter || ',',
      ),
    ),
    types: [arrayOfText, ...columns.map(({ array }) => array)],
  };
}
