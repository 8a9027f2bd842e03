import { type ObjectKind, type SchemaObject, SchemaObjects } from '../../drift/schema-object.js';
import type { SchemaPicture } from './picture.js';
import { changesRows, isMomentary } from './template-fit.js';

/**
 * Two replays are some moments apart, so they differ in a timestamp, and that is found by comparing them. They do not
 * differ in a date.
 */
const shown = /^(?:now\(\)|CURRENT_TIMESTAMP|(?:clock|statement|transaction)_timestamp\(\))$/i;

/**
 * Why rows that are the same in two replays may be others next week: something that fills them asks for the day. Pure.
 *
 * @param statements - Of the migrations.
 * @param seeded - Tables that have rows.
 */
export function whyUnsteady(
  { objects }: Pick<SchemaPicture, 'objects'>,
  statements: readonly string[],
  seeded: readonly string[],
): string | undefined {
  const all = new SchemaObjects(objects);
  const changing = statements.filter(changesRows);
  const asking = changing.find(isMomentary);
  if (asking !== undefined) return `its rows depend on when they are inserted: ${asking.slice(0, 60)}`;
  const defaults = of(all, 'column', seeded).filter(
    ({ default: text, type }) => text !== null && !(shown.test(text) && type.startsWith('timestamp')),
  );
  const daily = defaults.find(({ default: text }) => isMomentary(text ?? ''));
  if (daily) return `its rows depend on when they are inserted: the default of ${daily.table}.${daily.name}`;
  const used = [
    ...changing,
    ...defaults.map(({ default: text }) => text ?? ''),
    ...of(all, 'trigger', seeded).map(({ definition }) => definition),
  ];
  const called = all.all('function').find(({ object, facts }) => {
    const [name = object] = object.split('(');
    return isMomentary(facts.definition ?? '') && used.some((text) => text.includes(name));
  });
  return called && `its rows may depend on when they are inserted: the function ${called.object}`;
}

function of<K extends 'column' | 'trigger'>(
  all: SchemaObjects,
  kind: K & ObjectKind,
  tables: readonly string[],
): readonly SchemaObject<K>['facts'][] {
  return all
    .all(kind)
    .map(({ facts }) => facts)
    .filter(({ table }) => tables.includes(table));
}
