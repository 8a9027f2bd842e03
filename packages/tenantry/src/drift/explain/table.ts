import type { TableFacts } from '../schema-object.js';
import { afterColumn, columnDefinition, columnsOf } from './column.js';
import { different, type Explainer, type Finding, missing, qualified, same, type Sides, unknown } from './finding.js';
import { explainOptions, ofToast, optionStatements } from './options.js';
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

const plain = { replicaIndex: null, clustered: null };

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
    // A setting that needs an index is left to the next run of drift, when the index exists.
    ...settingsOf(
      object,
      { ...facts, ...plain },
      { ...facts, ...plain, rowSecurity: false, forced: false, replicaIdentity: 'd' },
    ).map(({ repair }) => repair),
    ...optionStatements(`alter table ${qualified(object)}`, ofToast(facts.toast), null),
    ...grantsOf(facts.acl, `table ${qualified(object)}`),
  ];
}

function explainSettings(object: string, expected: TableFacts, actual: TableFacts): Finding[] {
  const alter = `alter table ${qualified(object)}`;
  const { form, key, bound } = expected;
  const repartitioned = !same([form, key, bound], [actual.form, actual.key, actual.bound]);
  return [
    ...settingsOf(object, expected, actual).map(({ words, repair }) => different(words, [repair])),
    ...explainOptions(`Table ${object}`, alter, expected.options, actual.options),
    ...explainOptions(`Table ${object}`, alter, ofToast(expected.toast), ofToast(actual.toast)),
    ...explainParents(object, expected, actual),
    ...(actual.children ?? [])
      .filter((child) => !expected.children?.includes(child))
      .map((child) =>
        different(`Table ${child} inherits from table ${object}: its rows are read here too.`, [
          `alter table ${child} no inherit ${qualified(object)}`,
        ]),
      ),
    ...(repartitioned ? [different(`Table ${object} is not partitioned as its migrations say.`, null)] : []),
  ];
}

/** A partition's parent is told by its bound. */
function explainParents(object: string, expected: TableFacts, actual: TableFacts): Finding[] {
  if (same(expected.parents, actual.parents) || expected.bound !== null || actual.bound !== null) return [];
  const [should, is] = [expected.parents ?? [], actual.parents ?? []];
  const alter = `alter table ${qualified(object)}`;
  const words = `Table ${object} inherits from ${is.join(', ') || 'no table'}; it should inherit from ${should.join(', ') || 'none'}.`;
  return [
    different(words, [
      ...is.filter((parent) => !should.includes(parent)).map((parent) => `${alter} no inherit ${parent}`),
      ...should.filter((parent) => !is.includes(parent)).map((parent) => `${alter} inherit ${parent}`),
    ]),
  ];
}

/** One setting that differs, and the statement that changes it. */
interface Setting {
  readonly words: string;
  readonly repair: string;
}

function settingsOf(object: string, expected: TableFacts, actual: TableFacts): Setting[] {
  const alter = `alter table ${qualified(object)}`;
  const settings: (Setting | false)[] = [
    expected.persistence !== actual.persistence && {
      words: `Table ${object} is ${logged(actual)}; it should be ${logged(expected)}.`,
      repair: `${alter} set ${logged(expected)}`,
    },
    expected.method !== actual.method && {
      words: `Table ${object} is stored by ${actual.method}; it should be by ${expected.method}.`,
      repair: `${alter} set access method ${expected.method}`,
    },
    expected.rowSecurity !== actual.rowSecurity && {
      words: `Row level security of table ${object} is ${onOff(actual.rowSecurity)}; it should be ${onOff(expected.rowSecurity)}.`,
      repair: `${alter} ${expected.rowSecurity ? 'enable' : 'disable'} row level security`,
    },
    expected.forced !== actual.forced && {
      words: `Row level security of table ${object} is ${actual.forced ? '' : 'not '}forced on its owner; it should ${expected.forced ? '' : 'not '}be.`,
      repair: `${alter} ${expected.forced ? 'force' : 'no force'} row level security`,
    },
    !same([expected.replicaIdentity, expected.replicaIndex], [actual.replicaIdentity, actual.replicaIndex]) && {
      words: `The replica identity of table ${object} is ${identityOf(actual)}; it should be ${identityOf(expected)}.`,
      repair: `${alter} replica identity ${identityOf(expected)}`,
    },
    expected.clustered !== actual.clustered && {
      words: `Table ${object} is clustered on ${actual.clustered ?? 'no index'}; it should be on ${expected.clustered ?? 'none'}.`,
      repair:
        expected.clustered === null ? `${alter} set without cluster` : `${alter} cluster on ${expected.clustered}`,
    },
  ];
  return settings.filter((setting) => setting !== false);
}

function logged({ persistence }: TableFacts): string {
  return persistence === 'u' ? 'unlogged' : 'logged';
}

function onOff(on: boolean): string {
  return on ? 'on' : 'off';
}

function identityOf({ replicaIdentity, replicaIndex }: TableFacts): string {
  if (replicaIndex !== null) return `using index ${replicaIndex}`;
  return { f: 'full', n: 'nothing' }[replicaIdentity] ?? 'default';
}
