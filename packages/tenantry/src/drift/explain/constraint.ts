import type { ConstraintFacts } from '../schema-object.js';
import { different, type Explainer, missing, qualified, same, unknown } from './finding.js';
import { explainOptions } from './options.js';

/** Primary and foreign keys, unique, exclusion and check constraints. */
export const constraint: Explainer<'constraint'> = {
  missing: (object, expected) => [missing(nounOf(object, expected), [add(expected)])],
  unknown(object, actual, { expected }) {
    if (!expected.get('table', actual.table)) return [];
    return [unknown(nounOf(object, actual), [drop(actual)])];
  },
  changed(object, expected, actual) {
    const noun = nounOf(object, expected);
    const alter = `alter table ${qualified(expected.table)}`;
    if (actual.definition === `${expected.definition} NOT VALID`) {
      const words = `${noun} is NOT VALID: rows from before it were never checked.`;
      return [{ problem: 'invalid', words, repair: [`${alter} validate constraint ${expected.name}`] }];
    }
    if (!same(actual.options, expected.options) && actual.definition === expected.definition)
      return explainOptions(
        `The index of ${noun.toLowerCase()}`,
        `alter index ${qualified(expected.name)}`,
        expected.options,
        actual.options,
      );
    if (actual.definition === expected.definition) {
      const words = `The index of ${noun.toLowerCase()} is INVALID, so it does not hold.`;
      return [{ problem: 'invalid', words, repair: [`reindex index ${qualified(expected.name)}`] }];
    }
    const words = `${noun} is ${actual.definition}; it should be ${expected.definition}.`;
    return [different(words, [drop(actual), add(expected)])];
  },
};

/** Switched off by `alter table … disable trigger all`, as bulk loads do. */
export const enforcement: Explainer<'enforcement'> = {
  missing: () => [],
  unknown: (object, actual) => [
    different(`Constraint ${object} is not enforced: its triggers on table ${actual.table} are switched off.`, [
      `alter table ${qualified(actual.table)} enable trigger all`,
    ]),
  ],
  changed: () => [],
};

/** From PostgreSQL 18 on a `not null` may be NOT VALID. */
export const notNull: Explainer<'not null'> = {
  missing: () => [],
  unknown: (object, actual) => [
    {
      problem: 'invalid',
      words: `The not null of column ${object} is NOT VALID: rows from before it were never checked.`,
      repair: [`alter table ${qualified(actual.table)} validate constraint ${actual.name}`],
    },
  ],
  changed: () => [],
};

function add({ table, name, definition }: ConstraintFacts): string {
  return `alter table ${qualified(table)} add constraint ${name} ${definition}`;
}

/** Drops the constraint `if exists`: where a column of it is dropped before, it is gone already. */
function drop({ table, name }: ConstraintFacts): string {
  return `alter table ${qualified(table)} drop constraint if exists ${name}`;
}

function nounOf(object: string, { type }: ConstraintFacts): string {
  const kinds = {
    p: 'Primary key',
    u: 'Unique constraint',
    x: 'Exclusion constraint',
    c: 'Check constraint',
    f: 'Foreign key',
  };
  return `${kinds[type]} ${object}`;
}
