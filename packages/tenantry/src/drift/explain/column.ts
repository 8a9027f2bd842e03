import type { ColumnFacts } from '../schema-object.js';
import { different, type Explainer, type Finding, kept, missing, qualified, type Sides, unknown } from './finding.js';
import { optionStatements } from './options.js';
import { explainGrants, type Right } from './rights.js';
import { continueAfter, sequenceOptions, sequencesOf } from './sequence.js';

/** Columns of tables that both sides have. */
export const column: Explainer<'column'> = {
  missing(object, expected, sides) {
    if (!sides.actual.get('table', expected.table)) return [];
    return [missing(`Column ${object}`, addColumn(expected, sides))];
  },
  unknown(object, actual, sides) {
    if (!sides.expected.get('table', actual.table)) return [];
    return [unknown(`Column ${object}`, [`${alterTable(actual)} drop column ${actual.name}`])];
  },
  changed(object, expected, actual, sides) {
    if (expected.generated !== actual.generated || (expected.generated && expected.default !== actual.default)) {
      return explainGenerated(object, expected, actual, sides);
    }
    return [
      ...explainType(object, expected, actual),
      ...explainDefault(object, expected, actual),
      ...explainNotNull(object, expected, actual),
      ...explainIdentity(object, expected, actual, sides),
      ...explainStorage(object, expected, actual),
      ...explainGrants(`column ${object}`, expected.acl, actual.acl, (right) => grantColumn(right, expected)),
    ];
  },
};

function explainType(object: string, expected: ColumnFacts, actual: ColumnFacts): Finding[] {
  const [should, is] = [typeOf(expected), typeOf(actual)];
  if (should === is) return [];
  const alter = `${alterTable(expected)} alter column ${expected.name}`;
  // PostgreSQL may have no cast from the old type of the default to the new one, so the default is dropped first.
  const before = actual.default === null ? [] : [`${alter} drop default`];
  const after =
    actual.default === null || expected.default === null ? [] : [`${alter} set default ${expected.default}`];
  const change = `${alter} type ${should} using ${expected.name}::${expected.type}`;
  return [
    different(`Column ${object} has the type ${is}; it should be ${should}.`, [...before, change, ...after], true),
  ];
}

/** How its values and what is known of them are kept. */
function explainStorage(object: string, expected: ColumnFacts, actual: ColumnFacts): Finding[] {
  // A change of the type brings that type's own storage along.
  const storage = expected.type === actual.type ? actual.storage : expected.storage;
  const repair = storageStatements(expected, { ...actual, storage });
  if (repair.length === 0) return [];
  const words = `Column ${object} is kept as (${storageInWords(actual)}); it should be (${storageInWords(expected)}).`;
  return [kept(words, repair)];
}

type Storage = Pick<ColumnFacts, 'storage' | 'compression' | 'target' | 'options'>;

const storages = { p: 'plain', e: 'external', m: 'main', x: 'extended' };
const compressions = { p: 'pglz', l: 'lz4' };

function storageInWords({ storage, compression, target, options }: Storage): string {
  const compressed = compression && compressions[compression];
  return `storage ${storages[storage]}, compression ${compressed ?? 'default'}, statistics ${target ?? 'default'}, options ${options?.join(', ') ?? 'none'}`;
}

function storageStatements(expected: ColumnFacts, actual: Storage): string[] {
  const alter = `${alterTable(expected)} alter column ${expected.name}`;
  const { storage, compression, target, options } = expected;
  return [
    ...(storage === actual.storage ? [] : [`${alter} set storage ${storages[storage]}`]),
    ...(compression === actual.compression
      ? []
      : [`${alter} set compression ${compression === null ? 'default' : compressions[compression]}`]),
    ...(target === actual.target ? [] : [`${alter} set statistics ${target ?? -1}`]),
    ...optionStatements(alter, options, actual.options),
  ];
}

function explainDefault(object: string, expected: ColumnFacts, actual: ColumnFacts): Finding[] {
  if (expected.default === actual.default) return [];
  const alter = `${alterTable(expected)} alter column ${expected.name}`;
  const is = actual.default === null ? 'no default' : `the default ${actual.default}`;
  const should = expected.default === null ? 'there should be none' : `it should be ${expected.default}`;
  const repair = expected.default === null ? `${alter} drop default` : `${alter} set default ${expected.default}`;
  return [different(`Column ${object} has ${is}; ${should}.`, [repair])];
}

function explainNotNull(object: string, expected: ColumnFacts, actual: ColumnFacts): Finding[] {
  if (expected.notNull === actual.notNull) return [];
  const alter = `${alterTable(expected)} alter column ${expected.name}`;
  return expected.notNull
    ? [
        different(`Column ${object} takes null; it should not. Rows with null must be filled first.`, [
          `${alter} set not null`,
        ]),
      ]
    : [different(`Column ${object} refuses null; it should take it.`, [`${alter} drop not null`])];
}

function explainIdentity(object: string, expected: ColumnFacts, actual: ColumnFacts, sides: Sides): Finding[] {
  if (expected.identity === actual.identity) return [];
  const alter = `${alterTable(expected)} alter column ${expected.name}`;
  if (expected.identity === '')
    return [different(`Column ${object} is an identity; it should not be.`, [`${alter} drop identity`])];
  const should = `generated ${always(expected)}`;
  if (actual.identity !== '') {
    return [
      different(`Column ${object} is generated ${always(actual)} as identity; it should be ${should}.`, [
        `${alter} set ${should}`,
      ]),
    ];
  }
  const [made] = sequencesOf(expected, true, sides);
  const goOn = made ? [continueAfter(made.object, expected.table, expected.name)] : [];
  return [
    different(`Column ${object} is not an identity; it should be ${should} as identity.`, [
      `${alter} add ${identityOf(expected, sides)}`,
      ...goOn,
    ]),
  ];
}

function explainGenerated(object: string, expected: ColumnFacts, actual: ColumnFacts, sides: Sides): Finding[] {
  const is = actual.generated ? `generated from ${actual.default ?? ''}` : 'no generated column';
  const should = expected.generated ? `generated from ${expected.default ?? ''}` : 'no generated column';
  const words = `Column ${object} is ${is}; it should be ${should}.`;
  if (!expected.generated && actual.generated === 's') {
    const alter = `${alterTable(expected)} alter column ${expected.name}`;
    const setDefault = expected.default === null ? [] : [`${alter} set default ${expected.default}`];
    return [different(words, [`${alter} drop expression`, ...setDefault])];
  }
  return [different(words, [`${alterTable(actual)} drop column ${actual.name}`, ...addColumn(expected, sides)], true)];
}

function addColumn(facts: ColumnFacts, sides: Sides): string[] {
  return [`${alterTable(facts)} add column ${columnDefinition(facts, sides)}`, ...afterColumn(facts, sides)];
}

/** A column as in `create table`. */
export function columnDefinition(facts: ColumnFacts, sides: Sides): string {
  const filled = facts.generated
    ? ` generated always as (${facts.default ?? ''}) ${facts.generated === 's' ? 'stored' : 'virtual'}`
    : facts.identity
      ? ` ${identityOf(facts, sides)}`
      : facts.default === null
        ? ''
        : ` default ${facts.default}`;
  return `${facts.name} ${typeOf(facts)}${filled}${facts.notNull ? ' not null' : ''}`;
}

/** What follows once the column is there: its sequence belongs to it, its own grants. */
export function afterColumn(facts: ColumnFacts, sides: Sides): string[] {
  const owned = sequencesOf(facts, false, sides).map(
    ({ object }) => `alter sequence ${qualified(object)} owned by ${qualified(facts.table)}.${facts.name}`,
  );
  const grants = explainGrants('', facts.acl, null, (right) => grantColumn(right, facts));
  const stored = storageStatements(facts, {
    storage: facts.usualStorage,
    compression: null,
    target: null,
    options: null,
  });
  return [...owned, ...stored, ...grants.flatMap(({ repair }) => repair ?? [])];
}

/** Grants or revokes on one column, of a table or a view. */
export function grantColumn(
  { verb, privileges, role, grantable }: Right,
  facts: { readonly table: string; readonly name: string },
): string {
  const what = privileges.map((privilege) => `${privilege} (${facts.name})`).join(', ');
  const on = verb === 'grant' && grantable ? ' with grant option' : '';
  return `${verb} ${what} on ${qualified(facts.table)} ${verb === 'grant' ? 'to' : 'from'} ${role}${on}`;
}

function identityOf(facts: ColumnFacts, sides: Sides): string {
  const [made] = sequencesOf(facts, true, sides);
  const options = made ? ` (sequence name ${qualified(made.object)} ${sequenceOptions(made.facts)})` : '';
  return `generated ${always(facts)} as identity${options}`;
}

function always({ identity }: ColumnFacts): string {
  return identity === 'a' ? 'always' : 'by default';
}

function typeOf({ type, collation }: ColumnFacts): string {
  return collation === null ? type : `${type} collate ${collation}`;
}

function alterTable({ table }: Pick<ColumnFacts, 'table'>): string {
  return `alter table ${qualified(table)}`;
}

/** The table's columns, in the order of its migrations. */
export function columnsOf(table: string, { expected }: Sides): readonly ColumnFacts[] {
  return expected
    .all('column')
    .map(({ facts }) => facts)
    .filter((facts) => facts.table === table);
}
