import type { FunctionFacts } from '../schema-object.js';
import { different, type Explainer, missing, qualified, unknown } from './finding.js';
import { explainRights, grantsOf } from './rights.js';

/** Functions and procedures; an aggregate is named, but how it is made is not told. */
export const routine: Explainer<'function'> = {
  missing(object, { definition, acl }) {
    const repair = definition === null ? null : [definition.trim(), ...grantsOf(acl, `routine ${qualified(object)}`)];
    return [missing(`Function ${object}`, repair)];
  },
  unknown: (object) => [unknown(`Function ${object}`, [`drop routine ${qualified(object)}`])],
  changed(object, expected, actual) {
    const called = { noun: `function ${object}`, granted: `routine ${qualified(object)}` };
    return [...explainDefinition(object, expected, actual), ...explainRights(called, expected, actual)];
  },
};

function explainDefinition(object: string, expected: FunctionFacts, actual: FunctionFacts) {
  if (expected.definition === actual.definition && expected.returns === actual.returns) return [];
  if (expected.definition === null) return [different(`Aggregate ${object} is not as its migrations make it.`, null)];
  // `create or replace` cannot change what a function returns, so it is dropped first.
  const drop =
    expected.returns === actual.returns && expected.form === actual.form ? [] : [`drop routine ${qualified(object)}`];
  const words = `Function ${object} is not as its migrations make it: ${(actual.definition ?? 'an aggregate').trim()}`;
  return [different(words, [...drop, expected.definition.trim()])];
}
