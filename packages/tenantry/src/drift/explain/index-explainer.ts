import type { IndexFacts } from '../schema-object.js';
import { different, type Explainer, missing, qualified, unknown } from './finding.js';

/** Indexes that belong to no constraint. */
export const index: Explainer<'index'> = {
  missing: (object, expected) => [missing(`Index ${object} on ${expected.table}`, [concurrently(expected)])],
  unknown(object, actual, { expected }) {
    if (actual.tableForm !== 'm' && !expected.get('table', actual.table)) return [];
    const noun = actual.valid ? `Index ${object} on ${actual.table}` : `The INVALID index ${object} on ${actual.table}`;
    return [unknown(noun, [`drop index if exists ${qualified(object)}`])];
  },
  changed(object, expected, actual) {
    if (expected.definition !== actual.definition) {
      const words = `Index ${object} is ${actual.definition}; it should be ${expected.definition}.`;
      return [different(words, [`drop index ${qualified(object)}`, expected.definition])];
    }
    const words = `Index ${object} on ${expected.table} is INVALID: a concurrent build did not end. A unique one needs its duplicates removed first.`;
    return [{ problem: 'invalid', words, repair: [`reindex index concurrently ${qualified(object)}`] }];
  },
};

/** Adds `concurrently`, so that no writer waits. PostgreSQL has no such form for a partitioned table. */
function concurrently({ definition, tableForm }: IndexFacts): string {
  return tableForm === 'p' ? definition : definition.replace(/^(CREATE (?:UNIQUE )?INDEX) /, '$1 CONCURRENTLY ');
}
