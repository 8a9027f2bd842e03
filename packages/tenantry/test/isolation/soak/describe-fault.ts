import type { Fault } from './fault.js';
import type { Operation } from './history.js';

/** A fault in words: what it is, and what happened on the connections that it is about. Pure. */
export function describeFault({ kind, says, operations: shown }: Fault, operations: readonly Operation[]): string {
  const lines = new Set(shown.map(({ line }) => line));
  const tokens = new Set(shown.flatMap((operation) => operation.tokens ?? []));
  const ids = new Set(shown.map(({ id }) => id));
  const slice = operations.filter(
    (operation) => lines.has(operation.line) || operation.tokens?.some((token) => tokens.has(token)),
  );
  return [`${kind}: ${says}`, ...around(slice, ids).map((operation) => describe(operation, ids))].join('\n');
}

const most = 40;

/** What was just before, and after, what shows the fault. */
function around(slice: readonly Operation[], ids: ReadonlySet<number>): readonly Operation[] {
  const last = slice.findLastIndex(({ id }) => ids.has(id));
  return slice.slice(Math.max(0, last + 5 - most), last + 5);
}

function describe(
  { id, line, tenant, begun, answered, what, outcome, code, answer }: Operation,
  ids: ReadonlySet<number>,
): string {
  const mark = ids.has(id) ? '>' : ' ';
  const times = `${begun}-${answered ?? '…'}`.padEnd(11);
  const came = outcome === 'done' ? summary(answer) : `${outcome ?? 'not answered'} ${code ?? ''}`;
  return ` ${mark} line ${line} ${times} ${tenant}: ${what.replaceAll(/\s+/g, ' ').slice(0, 90)} → ${came}`;
}

function summary({ tokens, role, backend, tag }: Operation['answer'] & object = {}): string {
  return [
    tag ?? 'done',
    ...(tokens ? [`${tokens.length} rows`] : []),
    ...(role === undefined ? [] : [`as ${role}`]),
    ...(backend === undefined ? [] : [`on ${backend}`]),
  ].join(', ');
}
