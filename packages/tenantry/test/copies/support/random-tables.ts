import fc from 'fast-check';

/** A table, and rows as the texts of their values. */
export interface RandomTable {
  readonly name: string;
  readonly identity: 'always' | 'by default' | 'none';
  /** A column that PostgreSQL computes from the first one. */
  readonly generated: boolean;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly (string | null)[])[];
}

/** PostgreSQL's text has no NUL, and its encoding no half of a character. */
const text = fc.string({ unit: 'grapheme', maxLength: 40 }).map((each) => each.replaceAll('\0', '').toWellFormed());
const awkward = fc.constantFrom(
  '',
  '\\N',
  '\\.',
  '\n',
  '\r\n',
  '\t',
  '\\',
  "'",
  '"',
  '{}',
  'NULL',
  '👩‍👩‍👧',
  '\u2028',
  'a\\tb',
  ' ',
);
const anyText = fc.oneof(text, awkward);

const int8 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String);
const float = fc.oneof(fc.double().map(String), fc.constantFrom('NaN', 'Infinity', '-Infinity', '-0'));
const numeric = fc.oneof(
  fc.tuple(fc.bigInt(), fc.integer({ min: 0, max: 30 })).map(([n, scale]) => `${n}e-${scale}`),
  fc.constantFrom('NaN', 'Infinity', '-Infinity', '0.000', '1e500'),
);
const timestamp = fc.oneof(
  fc.integer({ min: -210_866_803_200, max: 9_224_318_015 }).map((seconds) => {
    const [years, rest] = [Math.floor(seconds / 31_556_952) + 1970, Math.abs(seconds) % 28];
    const day = `${String((rest % 12) + 1).padStart(2, '0')}-${String(rest + 1).padStart(2, '0')}`;
    const year = String(years > 0 ? years : 1 - years).padStart(4, '0');
    return `${year}-${day} 01:02:03.${String(Math.abs(seconds) % 1_000_000).padStart(6, '0')}${years > 0 ? '' : ' BC'}`;
  }),
  fc.constantFrom('infinity', '-infinity', '294276-12-31 23:59:59.999999', '4713-01-01 00:00:00 BC'),
);
const interval = fc
  .tuple(fc.integer({ min: -99_999, max: 99_999 }), fc.integer(), fc.integer())
  .map(([months, days, microseconds]) => `${months} mons ${days} days ${microseconds} microseconds`);
const bytes = fc.uint8Array({ maxLength: 50 }).map((each) => `\\x${Buffer.from(each).toString('hex')}`);
const json = fc.json({ stringUnit: fc.constantFrom('a', '"', '\\', 'é', '👍', '\n') });

const scalars: Readonly<Record<string, fc.Arbitrary<string>>> = {
  text: anyText,
  'varchar(200)': anyText,
  bigint: int8,
  integer: fc.integer().map(String),
  smallint: fc.integer({ min: -32_768, max: 32_767 }).map(String),
  'double precision': float,
  real: fc.oneof(
    fc.float({ noNaN: true }).map((each) => String(each)),
    fc.constant('NaN'),
  ),
  numeric,
  boolean: fc.boolean().map(String),
  'timestamp without time zone': timestamp,
  'timestamp with time zone': timestamp,
  date: timestamp.map((each) => each.replace(/ \d\d:.*?(?= BC|$)/, '')),
  interval,
  uuid: fc.uuid(),
  bytea: bytes,
  json,
  jsonb: json.filter((each) => !each.includes('\\u0000')),
  inet: fc.oneof(fc.ipV4(), fc.ipV6()),
  mood: fc.constantFrom('happy', 'so so'),
  int4range: fc
    .tuple(fc.integer({ max: 0 }), fc.integer({ min: 1, max: 2 ** 31 - 2 }))
    .map(([from, to]) => `[${from},${to}]`),
  'bit varying': fc.array(fc.constantFrom('0', '1')).map((each) => each.join('')),
};

/** Arrays of these, as PostgreSQL writes them. */
const inArrays = ['text', 'bigint', 'numeric', 'bytea', 'jsonb', 'mood', 'timestamp with time zone'];

const arrays = Object.fromEntries(
  inArrays.map((type) => [
    `${type}[]`,
    fc
      .array(fc.option(scalars[type] ?? anyText), { maxLength: 4 })
      .map(
        (each) => `{${each.map((item) => (item === null ? 'NULL' : `"${item.replace(/["\\]/g, '\\$&')}"`)).join(',')}}`,
      ),
  ]),
);

const types: Readonly<Record<string, fc.Arbitrary<string>>> = { ...scalars, ...arrays };

const name = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'B', '1', '_', ' ', '"', "'", '.', 'ß', '\\'), minLength: 1, maxLength: 12 }),
  fc.constantFrom('select', 'user', 'order', 'table', 'tableoid_', 'ΓΔ'),
);

export const anyTable: fc.Arbitrary<RandomTable> = fc
  .tuple(
    name,
    fc.constantFrom('always', 'by default', 'none'),
    fc.boolean(),
    fc.uniqueArray(fc.record({ name, type: fc.constantFrom(...Object.keys(types)) }), {
      minLength: 1,
      maxLength: 6,
      selector: (column) => column.name,
    }),
  )
  .chain(([table, identity, generated, columns]) =>
    fc
      .array(fc.tuple(...columns.map(({ type }) => fc.option(types[type] ?? anyText))), { maxLength: 6 })
      .map((rows) => ({ name: table, identity, generated, columns, rows })),
  );

const quoted = (each: string) => `"${each.replaceAll('"', '""')}"`;

export function createTable({ name: table, identity, generated, columns }: RandomTable): string {
  const [first] = columns;
  const parts = columns.map((column) => `${quoted(column.name)} ${column.type}`);
  if (identity !== 'none') parts.push(`"the id" bigint generated ${identity} as identity primary key`);
  if (generated && first) parts.push(`"the sum" boolean generated always as (${quoted(first.name)} is null) stored`);
  return `create table ${quoted(table)} (${parts.join(', ')})`;
}
