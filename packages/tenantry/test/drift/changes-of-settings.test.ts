import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Change, expectFoundAndRepaired } from './change.js';
import { type Garden, openGarden, settledMigrations } from './garden.js';

let garden: Garden;
beforeAll(async () => {
  garden = await openGarden({ migrations: settledMigrations });
  await garden.database.admin.query('create publication feed; create schema drift_elsewhere');
});
afterAll(() => garden.close());

const ofTables: readonly Change[] = [
  {
    change: 'an option of a table set',
    by: ['alter table widget set (autovacuum_enabled = false)'],
    found: ['table widget: settings'],
    says: /^Table widget has the options autovacuum_enabled=false; it should have none\.$/,
  },
  {
    change: 'options of a table changed and taken away',
    by: ['alter table store set (fillfactor = 10, parallel_workers = 2)'],
    found: ['table store: settings'],
    says: /options fillfactor=10, parallel_workers=2; it should have fillfactor=70/,
  },
  {
    change: 'all options of a table reset',
    by: ['alter table store reset (fillfactor)'],
    found: ['table store: settings'],
    says: /has no options; it should have fillfactor=70/,
  },
  {
    change: 'an option of what keeps long values',
    by: ['alter table store set (toast.autovacuum_enabled = true, toast.vacuum_truncate = false)'],
    found: ['table store: settings'],
    says: /toast\.vacuum_truncate=false; it should have toast\.autovacuum_enabled=false/,
  },
  {
    change: 'an option of the index of a key',
    by: ['alter index store_pkey set (fillfactor = 50)'],
    found: ['constraint store.store_pkey: settings'],
    says: /^The index of primary key store\.store_pkey has the options fillfactor=50; it should have fillfactor=90\.$/,
  },
  {
    change: 'an option of an index',
    by: ['alter index widget_note_index set (fillfactor = 50)'],
    found: ['index widget_note_index: different'],
    says: /fillfactor='50'/,
  },
  {
    change: 'row level security switched on',
    by: ['alter table widget enable row level security'],
    found: ['table widget: different'],
    says: /^Row level security of table widget is on; it should be off\.$/,
  },
  {
    change: 'row level security switched off',
    by: ['alter table secret disable row level security'],
    found: ['table secret: different'],
    says: /^Row level security of table secret is off; it should be on\.$/,
  },
  {
    change: 'row level security forced',
    by: ['alter table secret force row level security'],
    found: ['table secret: different'],
    says: /is forced on its owner; it should not be\.$/,
  },
  {
    change: 'a table without a log',
    by: ['alter table secret set unlogged'],
    found: ['table secret: different'],
    says: /^Table secret is unlogged; it should be logged\.$/,
  },
  {
    change: 'another replica identity',
    by: ['alter table maker replica identity using index maker_pkey'],
    found: ['table maker: different'],
    says: /is using index maker_pkey; it should be default\.$/,
  },
  {
    change: 'the replica identity taken away',
    by: ['alter table store replica identity default'],
    found: ['table store: different'],
    says: /is default; it should be full\.$/,
  },
  {
    change: 'a table clustered on an index',
    by: ['alter table widget cluster on widget_note_index'],
    found: ['table widget: different'],
    says: /clustered on widget_note_index; it should be on none\.$/,
  },
  {
    change: 'a table that inherits from another',
    by: ['create table public.drift_parent (id int)', 'alter table base inherit public.drift_parent'],
    found: ['table base: different'],
    says: /^Table base inherits from public\.drift_parent; it should inherit from none\.$/,
  },
  {
    change: 'a table that inherits no more',
    by: ['alter table leaf no inherit base'],
    found: ['table leaf: different'],
    says: /it should inherit from base\.$/,
  },
  {
    change: 'a table elsewhere whose rows are read here',
    by: ['create table drift_elsewhere."leaf of $" () inherits (base)'],
    found: ['table base: different'],
    says: /inherits from table base: its rows are read here too\.$/,
  },
];

const ofColumns: readonly Change[] = [
  {
    change: 'another storage of a column',
    by: ['alter table widget alter column note set storage main'],
    found: ['column widget.note: settings'],
    says: /^Column widget\.note is kept as \(storage main, .*; it should be \(storage extended,/,
  },
  {
    change: 'the storage of a column that its migrations chose',
    by: ['alter table store alter column body set storage extended'],
    found: ['column store.body: settings'],
    says: /it should be \(storage external,/,
  },
  {
    change: 'another compression',
    by: ['alter table widget alter column note set compression pglz'],
    found: ['column widget.note: settings'],
    says: /compression pglz/,
  },
  {
    change: 'another target of statistics',
    by: ['alter table store alter column other set statistics 5'],
    found: ['column store.other: settings'],
    says: /statistics 5, .*it should be .*statistics 500/,
  },
  {
    change: 'an option of a column',
    by: ['alter table widget alter column note set (n_distinct = 3)'],
    found: ['column widget.note: settings'],
    says: /options n_distinct=3/,
  },
  {
    change: 'a column with a storage of its own dropped',
    by: ['alter table store drop column body'],
    found: ['column store.body: missing'],
    says: /is missing/,
  },
];

const ofRules: readonly Change[] = [
  {
    change: 'a rule that swallows what is deleted',
    by: ['create rule swallow as on delete to widget do instead nothing'],
    found: ['rule widget.swallow: unknown'],
    says: /ON DELETE TO widget DO INSTEAD NOTHING\) is there, but no migration makes it\.$/,
  },
  {
    change: 'a rule of a view',
    by: ['create rule swallow as on insert to cheap do instead nothing'],
    found: ['rule cheap.swallow: unknown'],
    says: /no migration makes it\.$/,
  },
  {
    change: 'a rule dropped',
    by: ['drop rule keep on store'],
    found: ['rule store.keep: missing'],
    says: /^Rule store\.keep is missing\.$/,
  },
  {
    change: 'a rule that does something else',
    by: ['create or replace rule keep as on delete to store do also nothing'],
    found: ['rule store.keep: different'],
    says: /it should be CREATE RULE keep .* DO INSTEAD NOTHING/s,
  },
  {
    change: 'a rule switched off',
    by: ['alter table store disable rule keep'],
    found: ['rule store.keep: different'],
    says: /^Rule store\.keep is disabled; it should be enabled\.$/,
  },
];

const ofOthers: readonly Change[] = [
  {
    change: 'an option of a view',
    by: ['alter view cheap set (security_barrier = true)'],
    found: ['view cheap: different'],
    says: /^View cheap has the options security_barrier=true; it should have none\.$/,
  },
  {
    change: 'a grant on one column of a view',
    by: ['grant select (name) on cheap to public'],
    found: ['view cheap: grants'],
    says: /^Everybody \(public\) has select on column cheap\.name/,
  },
  {
    change: 'statistics added',
    by: ['create statistics extra on name, note from widget'],
    found: ['statistics extra: unknown'],
    says: /no migration makes it/,
  },
  {
    change: 'statistics dropped',
    by: ['drop statistics pairs_statistics'],
    found: ['statistics pairs_statistics: missing'],
    says: /is missing/,
  },
  {
    change: 'other statistics',
    by: ['drop statistics pairs_statistics', 'create statistics pairs_statistics (ndistinct) on one, other from pairs'],
    found: ['statistics pairs_statistics: different'],
    says: /they should be CREATE STATISTICS/,
  },
  {
    change: 'another target of extended statistics',
    by: ['alter statistics pairs_statistics set statistics 10'],
    found: ['statistics pairs_statistics: different'],
    says: /have the target 10; it should be that of the server/,
  },
  {
    change: 'a table in a publication',
    by: ['alter publication feed add table widget (id, name) where (id > 5)'],
    found: ['publication widget in feed: unknown'],
    says: /^Publication feed of table widget is there/,
  },
  {
    change: 'the schema in a publication',
    by: ['alter publication feed add tables in schema "$"'],
    found: ['publication feed: unknown'],
    says: /^Publication feed of the whole schema is there/,
  },
  {
    change: 'an operator',
    by: ['create operator === (function = int4eq, leftarg = int, rightarg = int)'],
    found: ['other operator ===(integer,integer): unknown'],
    says: /^Operator ===\(integer,integer\) is there, but no migration makes it\.$/,
  },
  {
    change: 'a collation',
    by: ['create collation extra from "C"'],
    found: ['other collation extra: unknown'],
    says: /^Collation extra is there/,
  },
  {
    change: 'a text search configuration',
    by: ['create text search configuration extra (copy = pg_catalog.english)'],
    found: ['other text search configuration extra: unknown'],
    says: /no migration makes it/,
  },
];

describe.each([
  ['tables', ofTables],
  ['columns', ofColumns],
  ['rules', ofRules],
  ['others', ofOthers],
])('settings of %s', (_, changes) => {
  it.each(changes)('finds $change, and its repair puts it right', (change) => expectFoundAndRepaired(garden, change));
});

it('deletes nothing while such a rule stands, which is why it must be found', async () => {
  const tenant = await garden.signUp();
  await garden.tamper(tenant, "insert into maker (name) values ('kept')");
  await garden.tamper(tenant, 'create rule swallow as on delete to maker do instead nothing', 'delete from maker');
  const { rows } = await garden.database.admin.query(`select name from "${tenant}_garden".maker`);
  expect(rows).toEqual([{ name: 'kept' }]);
});
