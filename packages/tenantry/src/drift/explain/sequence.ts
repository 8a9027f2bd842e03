import type { ColumnFacts, SchemaObject, SequenceFacts } from '../schema-object.js';
import { different, type Explainer, type Finding, missing, qualified, same, type Sides, unknown } from './finding.js';
import { explainRights, grantsOf } from './rights.js';

/** Sequences. Those of an identity come and go with their column. */
export const sequence: Explainer<'sequence'> = {
  missing(object, expected, { actual }) {
    if (expected.identity) return [];
    const column = columnOf(expected);
    const own = column && actual.get('column', column) ? ownedBy(object, expected) : [];
    const create = `create sequence ${qualified(object)} as ${expected.type} ${sequenceOptions(expected)}`;
    return [
      missing(`Sequence ${object}`, [create, ...grantsOf(expected.acl, `sequence ${qualified(object)}`), ...own]),
    ];
  },
  unknown(object, actual, { expected }) {
    const column = columnOf(actual);
    // Its column is reported already, as unknown or as an identity, and dropping that drops the sequence.
    if (column !== undefined && (actual.identity || !expected.get('column', column))) return [];
    return [unknown(`Sequence ${object}`, [`drop sequence if exists ${qualified(object)}`])];
  },
  changed(object, expected, actual) {
    const called = { noun: `sequence ${object}`, granted: `sequence ${qualified(object)}` };
    return [...explainOptions(object, expected, actual), ...explainRights(called, expected, actual)];
  },
};

function explainOptions(object: string, expected: SequenceFacts, actual: SequenceFacts): Finding[] {
  const findings: Finding[] = [];
  const kept = ({ type, start, increment, min, max, cache, cycle }: SequenceFacts) => ({
    type,
    start,
    increment,
    min,
    max,
    cache,
    cycle,
  });
  if (!same(kept(expected), kept(actual))) {
    const as = expected.type === actual.type ? '' : `as ${expected.type} `;
    findings.push(
      different(
        `Sequence ${object} counts "${sequenceOptions(actual)}"; it should count "${sequenceOptions(expected)}".`,
        [`alter sequence ${qualified(object)} ${as}${sequenceOptions(expected)}`],
      ),
    );
  }
  if (!expected.identity && !actual.identity && columnOf(expected) !== columnOf(actual)) {
    const to = columnOf(expected);
    findings.push(
      different(
        `Sequence ${object} belongs to ${columnOf(actual) ?? 'no column'}; it should belong to ${to ?? 'none'}.`,
        [`alter sequence ${qualified(object)} owned by ${to === undefined ? 'none' : qualified(to)}`],
      ),
    );
  }
  return findings;
}

function columnOf({ table, column }: SequenceFacts): string | undefined {
  return table === null || column === null ? undefined : `${table}.${column}`;
}

/** Ties a sequence to its column and goes on where the column is. */
function ownedBy(object: string, facts: SequenceFacts): string[] {
  const column = columnOf(facts);
  if (column === undefined || facts.table === null || facts.column === null) return [];
  return [
    `alter sequence ${qualified(object)} owned by ${qualified(column)}`,
    continueAfter(object, facts.table, facts.column),
  ];
}

/** Lets a new sequence go on after the highest number that its column has. */
export function continueAfter(object: string, table: string, column: string): string {
  return `select setval('${qualified(object)}', (select coalesce(max(${column}), 0) + 1 from ${qualified(table)}), false)`;
}

export function sequenceOptions({ increment, min, max, start, cache, cycle }: SequenceFacts): string {
  return `increment by ${increment} minvalue ${min} maxvalue ${max} start with ${start} cache ${cache} ${cycle ? 'cycle' : 'no cycle'}`;
}

/** The sequence behind an identity, or behind a default as `serial` makes it. */
export function sequencesOf(
  { table, name }: ColumnFacts,
  identity: boolean,
  { expected }: Pick<Sides, 'expected'>,
): readonly SchemaObject<'sequence'>[] {
  return expected
    .all('sequence')
    .filter(({ facts }) => facts.table === table && facts.column === name && (facts.identity ?? false) === identity);
}
