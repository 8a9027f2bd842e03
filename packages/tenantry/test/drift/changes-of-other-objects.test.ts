import { afterAll, beforeAll, it } from 'vitest';
import { type Change, expectFoundAndRepaired } from './change.js';
import { type Garden, openGarden } from './garden.js';

let garden: Garden;
beforeAll(async () => {
  garden = await openGarden();
});
afterAll(() => garden.close());

const changes: readonly Change[] = [
  {
    change: 'a type dropped',
    by: ['drop type pair'],
    found: ['type pair: missing'],
    says: /^Type pair is missing\.$/,
  },
  {
    change: 'a sequence dropped',
    by: ['drop sequence ticket'],
    found: ['sequence ticket: missing'],
    says: /^Sequence ticket is missing\.$/,
  },
  {
    change: 'a sequence of a column dropped',
    by: ["insert into widget (name) values ('a'), ('b')", 'drop sequence widget_number_seq cascade'],
    found: ['sequence widget_number_seq: missing', 'column widget.number: different'],
    says: /widget_number_seq is missing/,
  },
  {
    change: 'a sequence that counts otherwise',
    by: ['alter sequence ticket increment by 7'],
    found: ['sequence ticket: different'],
    says: /it should count "increment by 5/,
  },
  {
    change: 'a sequence added',
    by: ['create sequence extra'],
    found: ['sequence extra: unknown'],
    says: /no migration makes it/,
  },
  {
    change: 'a view changed',
    by: ['create or replace view cheap as select id, name from widget where price < 20'],
    found: ['view cheap: different'],
    says: /another query than its migrations give it/,
  },
  {
    change: 'a view dropped',
    by: ['drop view cheap'],
    found: ['view cheap: missing'],
    says: /^View cheap is missing\.$/,
  },
  {
    change: 'a view added',
    by: ['create view extra as select 1 as one'],
    found: ['view extra: unknown'],
    says: /no migration makes it/,
  },
  {
    change: 'a materialized view changed',
    by: [
      'drop materialized view totals',
      'create materialized view totals as select maker_id, sum(price) as count from widget group by maker_id',
    ],
    found: ['index totals_index: missing', 'view totals: different'],
    says: /^Materialized view totals has another query/,
  },
  {
    change: 'a function changed',
    by: ["create or replace function double(n int) returns int language sql immutable as 'select n * 3'"],
    found: ['function double(n integer): different'],
    says: /is not as its migrations make it/,
  },
  {
    change: 'a function that answers something else',
    by: [
      'drop function double(int)',
      "create function double(n int) returns bigint language sql immutable as 'select n * 2::bigint'",
    ],
    found: ['function double(n integer): different'],
    says: /is not as its migrations make it/,
  },
  {
    change: 'a function dropped that a trigger needs',
    by: ['drop function touch() cascade'],
    found: ['function touch(): missing', 'trigger widget.widget_touch: missing'],
    says: /^Function touch\(\) is missing\.$/,
  },
  {
    change: 'a function of an own type added',
    by: ["create function extra(m mood) returns int language sql as 'select 1'"],
    found: ['function extra(m mood): unknown'],
    says: /no migration makes it/,
  },
  {
    change: 'a trigger dropped',
    by: ['drop trigger widget_touch on widget'],
    found: ['trigger widget.widget_touch: missing'],
    says: /is missing/,
  },
  {
    change: 'a trigger disabled',
    by: ['alter table widget disable trigger widget_touch'],
    found: ['trigger widget.widget_touch: different'],
    says: /is disabled; it should be enabled/,
  },
  {
    change: 'a trigger that fires at another time',
    by: ['create or replace trigger widget_touch before insert on widget for each row execute function touch()'],
    found: ['trigger widget.widget_touch: different'],
    says: /it should be CREATE TRIGGER widget_touch BEFORE UPDATE ON widget/,
  },
  {
    change: 'row security switched off',
    by: ['alter table secret disable row level security'],
    found: ['table secret: different'],
    says: /^Row level security of table secret is off; it should be on\.$/,
  },
  {
    change: 'a policy that lets more through',
    by: ['alter policy positive on secret using (true)'],
    found: ['policy secret.positive: different'],
    says: /create policy positive/,
  },
  {
    change: 'a table dropped',
    by: ['drop table widget cascade'],
    found: [
      'sequence widget_number_seq: missing',
      'table widget: missing',
      'constraint widget.widget_name_unique: missing',
      'constraint widget.widget_pkey: missing',
      'constraint widget.widget_price_check: missing',
      'constraint widget.widget_maker_id_fkey: missing',
      'index totals_index: missing',
      'index widget_code_index: missing',
      'index widget_note_index: missing',
      'trigger widget.widget_touch: missing',
      'view cheap: missing',
      'view totals: missing',
    ],
    says: /is missing/,
  },
  {
    change: 'a table added',
    by: [
      'create table extra (id serial primary key, maker_id int references maker)',
      'create index on extra (maker_id)',
    ],
    found: ['table extra: unknown'],
    says: /^Table extra is there, but no migration makes it\.$/,
  },
];

it.each(changes)('finds $change, and its repair puts it right', (change) => expectFoundAndRepaired(garden, change));
