import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrationOf } from '../../../../../test/support/migration-of.js';
import { detectDrift } from '../../../src/drift/detect-drift.js';
import { differenceOf } from '../../../src/provision/template/picture.js';
import type { MigrationList } from '../../../src/migrations/tenant-migration.js';
import { gardenMigrations } from '../../drift/garden.js';
import { openWorkbench, type Workbench } from './support/workbench.js';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
  await bench.database.admin.query(
    `create schema geo; grant usage on schema geo to public; create table geo.country (code char(2) primary key); create type geo.unit as enum ('m')`,
  );
});
afterAll(() => bench.close());

/** What a garden does not have, and what years of migrations leave behind. */
const history: MigrationList = {
  '000001-old': migrationOf(
    'create table person (id int generated always as identity (start with 100 increment by 3), name text, gone text, constraint person_pk primary key (id))',
    'create table account (id bigserial primary key, person_id int not null, balance numeric(12, 2) default 0, opened date, code char(4), notes text[])',
    'alter table account add constraint account_person_fk foreign key (person_id) references person on delete cascade deferrable not valid',
    "create type level as enum ('low', 'high')",
    'create table audit (account_id bigint, what jsonb) with (fillfactor = 70)',
    'alter table audit enable row level security',
    'alter table audit force row level security',
    "create table \"Odd Name\" (\"Col'umn\" text default 'it''s \\ fine', check (\"Col'umn\" <> ''))",
  ),
  '000002-new': migrationOf(
    'alter table person drop column gone',
    "alter type level add value 'middle' before 'high'",
    "alter table person add column level level not null default 'low'",
    'alter table person rename column name to full_name',
    'alter table person alter column full_name set not null',
    'create function worth(a account) returns numeric language sql stable as $$ select a.balance * 2 $$',
    'alter table account add column doubled numeric generated always as (balance * 2) stored',
    'create view rich as select p.full_name, a.balance from account a join person p on p.id = a.person_id where a.balance > 10',
    "create or replace view rich as select p.full_name, a.balance, 'x'::text as extra from account a join person p on p.id = a.person_id where a.balance > 10",
    'create index account_open on account (opened desc nulls last, lower(code)) include (balance) where balance > 0',
    'alter table account replica identity full',
    "comment on table account is 'money; it''s theirs'",
    "comment on column person.full_name is 'as on the passport'",
    'create unique index person_name on person (full_name)',
    "comment on index person_name is 'no namesakes'",
    'revoke insert on audit from public',
    'grant select (what) on audit to public',
    "create function here() returns text language sql stable set search_path from current as 'select max(full_name) from person'",
    'create procedure tidy() language sql as $$ delete from audit $$',
    'create domain small as int default 5 not null check (value < 10)',
    'create table sizes (a small, b geo.unit, country char(2) references geo.country)',
    'create function bump() returns trigger language plpgsql as $$ begin new.balance := new.balance + 1; return new; end $$',
  ),
  '000003-seed': migrationOf(
    "insert into person (full_name) values ('Ada'), ('Grace ''H''')",
    "insert into account (person_id, balance, opened, code, notes) values (100, 12.50, '2020-02-29', 'ab', '{a,\"b \\\\ c\",NULL}')",
    "update person set level = 'high' where full_name = 'Ada'",
    'create trigger account_bump before insert on account for each row execute function bump()',
    'alter table account disable trigger account_bump',
    'create materialized view totals as select person_id, sum(balance) as sum from account group by 1',
    'create unique index totals_person on totals (person_id)',
    "create policy mine on audit as restrictive for select using (what ->> 'a' = 'b')",
    "select setval('account_id_seq', 50)",
  ),
};

describe.each([
  ['one of every kind of object', gardenMigrations, []],
  ['years of changes, with rows', history, ['geo']],
])('%s', (_, migrations, sharedSchemas) => {
  it('is the same from a template as by a replay, in everything', async () => {
    const shipped = await bench.ship(migrations, sharedSchemas);
    const { statements, reason } = await bench.build(shipped);
    expect(reason).toBeUndefined();
    const [replayed, made] = [await bench.make(shipped), await bench.make(shipped, statements)];
    expect(differenceOf(replayed.picture, made.picture)).toBeUndefined();
    // The parts besides, so that a comparison which says nothing is found out.
    expect(made.picture.details).toEqual(replayed.picture.details);
    expect(made.picture.tables).toEqual(replayed.picture.tables);
    expect(made.picture.details.length).toBeGreaterThan(20);
    const report = await detectDrift(bench.database.admin, { tenants: [replayed.tenant, made.tenant] });
    expect(report).toMatchObject({ checked: 2, drifted: [], unchecked: [] });
    const { rows } = await bench.database.admin.query(
      'select count(*)::int as n, max(head) as head from tenantry.ledger join tenantry.tenant_schema using (schema_name) where tenant_id = any($1) group by tenant_id',
      [[replayed.tenant, made.tenant]],
    );
    expect(rows).toHaveLength(2);
    expect(rows[0]).toEqual(rows[1]);
  });

  it('needs every one of its statements: without one it is refused, or not the same', async () => {
    const shipped = await bench.ship(migrations, sharedSchemas);
    const { statements = [] } = await bench.build(shipped);
    const { picture } = await bench.make(shipped);
    const unneeded: string[] = [];
    for (const left of statements) {
      const others = statements.filter((each) => each !== left);
      const made = await bench.make(shipped, others).catch(() => undefined);
      if (made && differenceOf(picture, made.picture) === undefined) unneeded.push(left);
    }
    expect(unneeded).toEqual([]);
  });
});

it('sees what the look for drift leaves out', async () => {
  const base = 'create table t (a int, b text, c text)';
  const { picture } = await bench.make(await bench.ship({ '000001-t': migrationOf(base) }));
  const others: Record<string, string[]> = {
    'the order of columns': ['create table t (a int, c text, b text)'],
    'a comment': [base, "comment on table t is 'x'"],
    'how a column is stored': [base, 'alter table t alter column b set storage external'],
    statistics: [base, 'create statistics s on a, b from t'],
    'a rule': [base, 'create rule nothing as on delete to t do instead nothing'],
    'a row': [base, 'insert into t values (1)'],
  };
  for (const [what, statements] of Object.entries(others)) {
    const made = await bench.make(await bench.ship({ '000001-t': migrationOf(...statements) }));
    expect(differenceOf(picture, made.picture), what).toBeDefined();
  }
});
