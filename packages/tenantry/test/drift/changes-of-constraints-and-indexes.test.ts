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
    change: 'a check dropped',
    by: ['alter table widget drop constraint widget_price_check'],
    found: ['constraint widget.widget_price_check: missing'],
    says: /^Check constraint widget\.widget_price_check is missing\.$/,
  },
  {
    change: 'a check weakened',
    by: [
      'alter table widget drop constraint widget_price_check',
      'alter table widget add constraint widget_price_check check (price > -1)',
    ],
    found: ['constraint widget.widget_price_check: different'],
    says: /it should be CHECK \(\(price >= \(0\)::numeric\)\)/,
  },
  {
    change: 'a check that was never validated',
    by: [
      'alter table widget drop constraint widget_price_check',
      'alter table widget add constraint widget_price_check check (price >= 0) not valid',
    ],
    found: ['constraint widget.widget_price_check: invalid'],
    says: /is NOT VALID: rows from before it were never checked/,
  },
  {
    change: 'a primary key dropped that a foreign key needs',
    by: ['alter table maker drop constraint maker_pkey cascade'],
    found: ['constraint maker.maker_pkey: missing', 'constraint widget.widget_maker_id_fkey: missing'],
    says: /^Primary key maker\.maker_pkey is missing\.$/,
  },
  {
    change: 'a foreign key that does something else',
    by: [
      'alter table widget drop constraint widget_maker_id_fkey',
      'alter table widget add constraint widget_maker_id_fkey foreign key (maker_id) references maker',
    ],
    found: ['constraint widget.widget_maker_id_fkey: different'],
    says: /is FOREIGN KEY \(maker_id\) REFERENCES maker\(id\); it should be .* ON DELETE CASCADE/,
  },
  {
    change: 'foreign keys switched off, as a bulk load does',
    by: ['alter table widget disable trigger all'],
    found: ['enforcement widget.widget_maker_id_fkey: different', 'trigger widget.widget_touch: different'],
    says: /^Constraint widget\.widget_maker_id_fkey is not enforced/,
  },
  {
    change: 'an index dropped',
    by: ['drop index widget_note_index'],
    found: ['index widget_note_index: missing'],
    says: /^Index widget_note_index on widget is missing\.$/,
  },
  {
    change: 'an index added',
    by: ['create index surprise on widget (price)'],
    found: ['index surprise: unknown'],
    says: /no migration makes it/,
  },
  {
    change: 'an index on something else',
    by: ['drop index widget_note_index', 'create index widget_note_index on widget (note desc)'],
    found: ['index widget_note_index: different'],
    says: /it should be CREATE INDEX widget_note_index ON widget USING btree \(note\)/,
  },
];

it.each(changes)('finds $change, and its repair puts it right', (change) => expectFoundAndRepaired(garden, change));
