import type { TableFacts } from '../schema-object.js';
import { afterColumn, columnDefinition, columnsOf } from './column.js';
import { different, type Explainer, type Finding, missing, qualified, same, type Sides, unknown } from './finding.js';
import { explainRights, grantsOf } from './rights.js';

/** Tables, without what they consist of. */
export const table: Explainer<'table'> = {
  missing: (object, expected, sides) => [missing(`Table ${object}`, createTable(object, expected, sides))],
  unknown: (object) => [unknown(`Table ${object}`, [`drop table ${qualified(object)}`])],
  changed(object, expected, actual) {
    const called = { noun: `table ${object}`, granted: `table ${qualified(object)}` };
    return [...explainSettings(object, expected, actual), ...explainRights(called, expected, actual)];
  },
};

function createTable(object: string, facts: TableFacts, sides: Sides): readonly string[] | null {
  if (facts.form === 'f' || (facts.parents && facts.bound === null)) return null;
  const columns = columnsOf(object, sides);
  const [parent] = facts.parents ?? [];
  const shape = parent
    ? `partition of ${parent} ${facts.bound}`
    : `(${columns.map((each) => columnDefinition(each, sides)).join(', ')})`;
  const key = facts.key === null ? '' : ` partition by ${facts.key}`;
  const options = facts.options === null ? '' : ` with (${facts.options.join(', ')})`;
  return [
    `create ${facts.persistence === 'u' ? 'unlogged ' : ''}table ${qualified(object)} ${shape}${key}${options}`,
    ...columns.flatMap((each) => afterColumn(each, sides)),
    ...settings(object, facts, { ...facts, rowSecurity: false, forced: false, replicaIdentity: 'd' }),
    ...grantsOf(facts.acl, `table ${qualified(object)}`),
  ];
}

function explainSettings(object: string, expected: TableFacts, actual: TableFacts): Finding[] {
  const repair = settings(object, expected, actual);
  const { form, key, bound, parents, options } = expected;
  const reshaped = !same(
    [form, key, bound, parents, options],
    [actual.form, actual.key, actual.bound, actual.parents, actual.options],
  );
  return [
    ...(repair.length > 0
      ? [
          different(
            `Table ${object} has other settings (row security, logging, replica identity) than its migrations give it.`,
            repair,
          ),
        ]
      : []),
    ...(reshaped
      ? [different(`Table ${object} is partitioned, inherits or is stored otherwise than its migrations say.`, null)]
      : []),
  ];
}

function settings(object: string, expected: TableFacts, actual: TableFacts): string[] {
  const alter = `alter table ${qualified(object)}`;
  const identities: Record<string, string> = { d: 'default', f: 'full', n: 'nothing' };
  const identity = identities[expected.replicaIdentity];
  return [
    ...(expected.persistence === actual.persistence
      ? []
      : [`${alter} set ${expected.persistence === 'u' ? 'unlogged' : 'logged'}`]),
    ...(expected.rowSecurity === actual.rowSecurity
      ? []
      : [`${alter} ${expected.rowSecurity ? 'enable' : 'disable'} row level security`]),
    ...(expected.forced === actual.forced
      ? []
      : [`${alter} ${expected.forced ? 'force' : 'no force'} row level security`]),
    ...(expected.replicaIdentity === actual.replicaIdentity || !identity
      ? []
      : [`${alter} replica identity ${identity}`]),
  ];
}
