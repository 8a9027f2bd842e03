import type { StatisticsFacts } from '../schema-object.js';
import { different, type Explainer, missing, unknown } from './finding.js';

/** Extended statistics, as `create statistics` makes them. */
export const statistics: Explainer<'statistics'> = {
  missing: (object, expected) => [missing(`Statistics ${object}`, [expected.definition, ...target(expected, null)])],
  unknown(object, actual, { expected }) {
    if (!expected.get('table', actual.table) && !expected.get('view', actual.table)) return [];
    return [unknown(`Statistics ${object}`, [`drop statistics if exists ${actual.name}`])];
  },
  changed(object, expected, actual) {
    if (expected.definition === actual.definition) {
      const words = `Statistics ${object} have the target ${actual.target ?? 'of the server'}; it should be ${expected.target ?? 'that of the server'}.`;
      return [different(words, target(expected, actual.target))];
    }
    const words = `Statistics ${object} are ${actual.definition}; they should be ${expected.definition}.`;
    return [different(words, [`drop statistics ${actual.name}`, expected.definition, ...target(expected, null)])];
  },
};

function target({ name, target: should }: StatisticsFacts, is: number | null): string[] {
  return should === is ? [] : [`alter statistics ${name} set statistics ${should ?? -1}`];
}
