import { Migration } from '@mikro-orm/migrations';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { migrationOf } from '../../../../../test/support/migration-of.js';
import type { MigrationList } from '../../../src/migrations/tenant-migration.js';
import { openWorkbench, type Workbench } from './support/workbench.js';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
  await bench.database.admin.query(
    `create schema geo; create table geo.country (code char(2) primary key); insert into geo.country values ('ES'); create table geo.log (line text)`,
  );
});
afterAll(() => bench.close());

const build = async (migrations: MigrationList) => bench.build(await bench.ship(migrations, ['geo']));
const left = async () => {
  const { rows } = await bench.database.admin.query(
    `select (select count(*)::int from pg_namespace where nspname like 'tenantry-%') as schemas, (select count(*)::int from pg_roles where rolname like 'tenantry-template%') as roles,
            (select count(*)::int from geo.log) as lines`,
  );
  return rows[0];
};

const t = 'create table t (id int, at timestamptz, day date, key uuid, name text)';

it.each([
  ['the moment', [t, 'insert into t (at) values (now())'], /depend on when/],
  ['the day', [t, 'insert into t (day) values (current_date)'], /depend on when/],
  [
    'the day by default',
    ['create table t (id int, day date default current_date)', 'insert into t (id) values (1)'],
    /depend on when/,
  ],
  [
    'chance',
    [t, 'insert into t (key) values (gen_random_uuid())'],
    /two replays are not the same: the rows of t differ/,
  ],
  [
    'the schema’s own name',
    [t, 'insert into t (name) select current_schema'],
    /depend on when|two replays are not the same/,
  ],
  [
    'the name by a function',
    [t, 'insert into t (name) select (current_schemas(false))[1]'],
    /depend on when|two replays/,
  ],
  ['a table that all share', [t, 'insert into t (name) select code from geo.country'], /read tables outside/],
])('is refused where rows depend on %s', async (_, statements, reason) => {
  const { statements: made, reason: why } = await build({ '000001-t': migrationOf(...statements) });
  expect(made).toBeUndefined();
  expect(why).toMatch(reason);
});

it.each([
  ['write a table that all share', [t, "insert into geo.log values ('made')"], /write rows outside the schema/],
  ['change a table that all share', [t, 'alter table geo.log add column tenant text'], /change a column outside/],
  ['index a table that all share', [t, 'create index on geo.log (line)'], /an? (?:index|column) outside/],
  ['make a table elsewhere', ['create table geo.other (a int)'], /a type or table outside/],
  ['run a block', [t, 'do $$ begin perform 1; end $$'], /may do more than shape the schema/],
  ['set something', [t, "set local lock_timeout to '1s'"], /may do more than shape the schema/],
  ['grant what is not their own', [t, 'grant select on geo.log to public'], /may do more than shape the schema/],
  ['make a partitioned table', ['create table p (a int) partition by range (a)'], /partitioned/],
  ['make an aggregate', ['create aggregate total(int) (sfunc = int4pl, stype = int)'], /may do more than shape/],
  [
    'insert very many rows',
    ['create table t (a int)', 'insert into t select n from generate_series(1, 1001) n'],
    /more rows than a template may have/,
  ],
  [
    'tune the statistics of an index',
    [t, 'create index t_x on t ((id + 1))', 'alter index t_x alter column 1 set statistics 10'],
    /it would not be the same: a detail differs/,
  ],
])('is refused where migrations %s', async (_, statements, reason) => {
  const { statements: made, reason: why } = await build({ '000001-t': migrationOf(...statements) });
  expect(made).toBeUndefined();
  expect(why).toMatch(reason);
});

it('is refused where a migration runs code', async () => {
  class Coded extends Migration {
    override async up(): Promise<void> {
      await this.execute('select 1');
    }
  }
  expect(await build({ '000001-code': Coded })).toMatchObject({
    reason: expect.stringContaining('runs code') as string,
  });
});

it('is not refused for the same without what is wrong: rows, keys to shared tables and defaults of the moment', async () => {
  const statements = [
    'create table t (id int primary key, country char(2) references geo.country, at timestamptz default now(), name text)',
    "insert into t (id, at, name) values (1, '2020-01-01T00:00:00Z', 'user')",
  ];
  const { reason } = await build({ '000001-t': migrationOf(...statements) });
  expect(reason).toBeUndefined();
});

it('leaves nothing behind, whatever came of it', async () => {
  expect(await left()).toEqual({ schemas: 0, roles: 0, lines: 0 });
});
