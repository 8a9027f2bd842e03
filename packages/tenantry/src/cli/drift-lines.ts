import Table from 'cli-table3';
import type { DriftDifference, DriftedSchema, DriftReport, UncheckedSchemas } from '../drift/drift-report.js';

/** Most tenant schemas that a terminal is told about one by one. */
const shownMax = 20;

/** A drift report for people. The SQL can be pasted as it is: words are comments, and so is what would throw something away. Pure. */
export function driftLines(report: DriftReport): readonly string[] {
  const { drifted, missing, orphans, unchecked } = report;
  return [
    ...shown(drifted, (each) => [...schemaLines(each), '']),
    ...shown(missing, ({ words }) => comment(words)),
    ...shown(orphans, ({ words }) => comment(words)),
    ...shown(unchecked, (each) => comment(notCompared(each))),
    summary(report),
  ];
}

function notCompared({ service, head, schemas, reason }: UncheckedSchemas): string {
  const names = `${schemas.slice(0, 3).join(', ')}${schemas.length > 3 ? ', …' : ''}`;
  return `Not compared: ${schemas.length} of ${service} at ${head ?? 'no migration'} (${names}), because ${reason}.`;
}

function shown<T>(items: readonly T[], lines: (item: T) => readonly string[]): readonly string[] {
  const more = items.length - shownMax;
  return [
    ...items.slice(0, shownMax).flatMap(lines),
    ...(more > 0 ? [`-- … and ${more} more; --json has them all.`] : []),
  ];
}

function schemaLines({ tenant, service, schema, head, differences }: DriftedSchema): readonly string[] {
  const table = new Table({ head: ['kind', 'object', 'problem'], style: { head: [], border: [], compact: true } });
  for (const { kind, object, problem } of differences) table.push([kind, object, problem]);
  return [
    `-- ${tenant}, ${service} (schema ${schema}, head ${head ?? 'none'}): ${counted(differences.length, 'difference')}`,
    ...comment(table.toString()),
    ...differences.flatMap(differenceLines),
  ];
}

function differenceLines({ words, repair, destructive }: DriftDifference): readonly string[] {
  if (repair === null) return comment(words);
  return destructive
    ? [...comment(`${words} Repairing it throws something away:`), ...comment(repair)]
    : [...comment(words), repair];
}

/** A text as SQL comments. Names that people chose must not end the comment, and must send the terminal no commands. */
function comment(text: string): readonly string[] {
  return text.split(/\r\n|[\n\r]/).map((line) => `-- ${line.replace(/\p{Cc}/gu, '?')}`);
}

function summary({ checked, drifted, missing, orphans, unchecked, others, tookMs }: DriftReport): string {
  const uncompared = unchecked.reduce((sum, { schemas }) => sum + schemas.length, 0);
  const parts = [
    `${drifted.length} drifted`,
    ...(missing.length > 0 ? [`${counted(missing.length, 'tenant')} without a schema`] : []),
    ...(orphans.length > 0 ? [`${counted(orphans.length, 'schema')} without a tenant`] : []),
    ...(uncompared > 0 ? [`${uncompared} not compared`] : []),
  ];
  const strangers = others > 0 ? ` ${counted(others, 'schema')} of others left alone.` : '';
  return `Compared ${counted(checked, 'tenant schema')} in ${(tookMs / 1000).toFixed(1)} s: ${parts.join(', ')}.${strangers}`;
}

function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}
