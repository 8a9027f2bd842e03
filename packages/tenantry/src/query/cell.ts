import type { MergedColumn } from './report-columns.js';

const boolean = 16;
const wholeNumbers = new Set([21, 23, 26]);
const floats = new Set([700, 701]);
const json = new Set([114, 3802]);

/** A cell as a value of JavaScript's; nothing is rounded, so 64-bit and decimal numbers stay text. Pure. */
export function cellValue(cell: string | null, { oid }: Pick<MergedColumn, 'oid'>): unknown {
  if (cell === null) return null;
  if (oid === boolean) return cell === 't';
  if (wholeNumbers.has(oid) || floats.has(oid)) return Number(cell);
  return json.has(oid) ? (JSON.parse(cell) as unknown) : cell;
}

/** The same as JSON on one line. JSON of the database stays as it is: a large number in it is not rounded. Pure. */
export function cellJson(cell: string | null, { oid }: Pick<MergedColumn, 'oid'>): string {
  if (cell === null) return 'null';
  if (oid === boolean) return cell === 't' ? 'true' : 'false';
  if (wholeNumbers.has(oid) || (floats.has(oid) && Number.isFinite(Number(cell)))) return cell;
  // Between its values JSON may have line breaks; inside a text it cannot.
  return json.has(oid) ? cell.replace(/[\n\r\t]+/g, ' ') : JSON.stringify(cell);
}
