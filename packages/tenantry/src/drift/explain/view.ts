import type { ViewFacts } from '../schema-object.js';
import { different, type Explainer, type Finding, missing, qualified, same, type Sides, unknown } from './finding.js';
import { grantColumn } from './column.js';
import { explainOptions } from './options.js';
import { explainGrants, explainRights, grantsOf } from './rights.js';

/** Views and materialized views. */
export const view: Explainer<'view'> = {
  missing: (object, expected) => [missing(nounOf(object, expected), createView(object, expected))],
  unknown: (object, actual) => [unknown(nounOf(object, actual), [`drop ${formOf(actual)} ${qualified(object)}`])],
  changed(object, expected, actual, sides) {
    const called = {
      noun: `${formOf(expected)} ${object}`,
      granted: `table ${qualified(object)}`,
      altered: `${formOf(expected)} ${qualified(object)}`,
    };
    if (same([expected.form, expected.definition], [actual.form, actual.definition])) {
      return [
        // Options of a view, such as `security_invoker`, decide what is read and with whose rights.
        ...explainOptions(nounOf(object, expected), `alter ${called.altered}`, expected.options, actual.options).map(
          (finding) => ({ ...finding, problem: 'different' as const }),
        ),
        ...explainRights(called, expected, actual),
        ...explainColumnRights(object, expected, actual),
      ];
    }
    const words = `${nounOf(object, expected)} has another query than its migrations give it:${actual.definition}`;
    const repair = [
      `drop ${formOf(actual)} ${qualified(object)}`,
      ...createView(object, expected),
      ...indexesOf(object, sides),
    ];
    return [different(words, repair)];
  },
};

function explainColumnRights(object: string, expected: ViewFacts, actual: ViewFacts): readonly Finding[] {
  const columns = new Set([...Object.keys(expected.columnRights ?? {}), ...Object.keys(actual.columnRights ?? {})]);
  return [...columns].flatMap((column) =>
    explainGrants(
      `column ${object}.${column}`,
      expected.columnRights?.[column] ?? null,
      actual.columnRights?.[column] ?? null,
      (right) => grantColumn(right, { table: object, name: column }),
    ),
  );
}

function createView(object: string, facts: ViewFacts): readonly string[] {
  const options = facts.options === null ? '' : ` with (${facts.options.join(', ')})`;
  return [
    `create ${formOf(facts)} ${qualified(object)}${options} as ${facts.definition.trim().replace(/;$/, '')}`,
    ...grantsOf(facts.acl, `table ${qualified(object)}`),
  ];
}

/** A materialized view that is made again has lost its indexes. */
function indexesOf(object: string, { expected, actual }: Sides): readonly string[] {
  return expected
    .all('index')
    .filter(({ facts, object: name }) => facts.table === object && actual.get('index', name))
    .map(({ facts }) => facts.definition);
}

function formOf({ form }: ViewFacts): string {
  return form === 'm' ? 'materialized view' : 'view';
}

function nounOf(object: string, { form }: ViewFacts): string {
  return `${form === 'm' ? 'Materialized view' : 'View'} ${object}`;
}
