import type { RuleFacts } from '../schema-object.js';
import { different, type Explainer, missing, qualified, unknown } from './finding.js';

/** Rewrite rules, without those that are a view's own query. */
export const rule: Explainer<'rule'> = {
  missing: (object, expected) => [missing(`Rule ${object}`, [expected.definition, ...enable(expected, 'O')])],
  unknown(object, actual, { expected }) {
    if (!expected.get('table', actual.table) && !expected.get('view', actual.table)) return [];
    return [
      unknown(`Rule ${object} (${actual.definition})`, [
        `drop rule if exists ${actual.name} on ${qualified(actual.table)}`,
      ]),
    ];
  },
  changed(object, expected, actual) {
    if (expected.definition === actual.definition) {
      const words = `Rule ${object} is ${states[actual.enabled]}; it should be ${states[expected.enabled]}.`;
      return [different(words, enable(expected, actual.enabled))];
    }
    const words = `Rule ${object} is ${actual.definition}; it should be ${expected.definition}.`;
    const replace = expected.definition.replace(/^CREATE RULE/, 'CREATE OR REPLACE RULE');
    return [different(words, [replace, ...enable(expected, actual.enabled)])];
  },
};

const states = { O: 'enabled', D: 'disabled', R: 'enabled for replicas only', A: 'always enabled' };

function enable({ table, name, enabled }: RuleFacts, now: RuleFacts['enabled']): string[] {
  const verbs = { O: 'enable rule', D: 'disable rule', R: 'enable replica rule', A: 'enable always rule' };
  return enabled === now ? [] : [`alter table ${qualified(table)} ${verbs[enabled]} ${name}`];
}
