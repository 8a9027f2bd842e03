import { expect, it } from 'vitest';
import { resolveAdoptConfig } from '../../src/adopt/adopt-config.js';
import { resolveOptions } from '../../src/options.js';
import { type WrittenDefault, writtenDefaults } from './written-defaults.js';

const adopt = resolveAdoptConfig({
  service: 'shop',
  tenants: { table: 'company', id: 'id' },
  tables: [{ table: 'item', tenant: 'company_id' }],
});
const options = resolveOptions({ url: 'postgres://localhost/app', shared: { schema: 'geo', migrations: {} } });

/** What the schemas fill in where nothing is given, by the interface that they check. */
const filledIn: Readonly<Record<string, unknown>> = {
  TenancyOptions: options,
  SharedSchema: options.shared,
  AdoptConfig: adopt,
  AdoptedTable: adopt.tables[0],
};

const all = writtenDefaults();
const inOptions = (property: string) => all.find(({ name }) => name === `TenancyOptions.${property}`);

/** Where a default stands in code, and what it is there. */
function placesOf({ name, inCode }: WrittenDefault): WrittenDefault['inCode'] {
  const [owner = '', ...path] = name.split('.');
  const value = path.reduce<unknown>((of, key) => (of as Record<string, unknown> | undefined)?.[key], filledIn[owner]);
  return value === undefined ? inCode : [{ place: `the schema of ${owner}`, value }, ...inCode];
}

const told = all.filter(({ value }) => value !== undefined);
/** With words after the value it is one part of an expression: "4, at most what the pool leaves". */
const isWhole = ({ text }: WrittenDefault) => !/[,;] /.test(text);

it.each(told.map((each) => [each.name, each] as const))('says of %s what code falls back to', (name, each) => {
  const values = placesOf(each).map(({ value }) => value);
  if (each.asInOptions) {
    const original = inOptions(name.split('.').at(-1) ?? '');
    expect(each.text).toBe(original?.text);
    values.push(original?.value);
  }
  if (isWhole(each)) expect(values).toEqual(values.map(() => each.value));
  expect(values).toContainEqual(each.value);
});

it('has each default in one place', () => {
  const scattered = told
    // An empty list or text is nobody's choice.
    .filter((each) => isWhole(each) && typeof each.value !== 'object' && !each.asInOptions)
    .map((each) => [each.name, placesOf(each).map(({ place }) => place)] as const)
    .filter(([, places]) => places.length !== 1);
  expect(scattered).toEqual([]);
});

it('tells every number and every switch that code falls back to', () => {
  const silent = all
    .filter(({ text }) => text === '')
    .map(
      (each) =>
        [each.name, placesOf(each).filter(({ value }) => ['number', 'boolean'].includes(typeof value))] as const,
    )
    .filter(([, places]) => places.length > 0);
  expect(silent).toEqual([]);
});

it('looked at all of them', () => {
  expect(told.length).toBeGreaterThan(45);
  expect(told.filter(({ inCode }) => inCode.length > 0).length).toBeGreaterThan(15);
});
