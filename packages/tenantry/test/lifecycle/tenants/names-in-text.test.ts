import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshIds } from '../../../../../test/support/actual-state.js';
import { migrationOf } from '../../../../../test/support/migration-of.js';
import { openShop, type Shop } from '../../../../../test/support/shop.js';
import { pathWith } from '../../../src/lifecycle/tenants/path-with.js';

const migrations = {
  '000001-stock': migrationOf(
    'create table stock (id int generated always as identity primary key, n int not null, at text)',
    'create function total() returns bigint language sql stable set search_path from current as $$ select sum(n) from stock $$',
    'create function place() returns trigger language plpgsql set search_path from current as $$ begin new.at := current_schema(); return new; end $$',
    'create trigger place before insert on stock for each row execute function place()',
    'create procedure twice(x int) language sql set search_path from current as $$ update stock set n = n * x $$',
    'create view totals as select total() as total, count(*) from stock',
  ),
};

let shop: Shop;
let folder: string;
beforeAll(async () => {
  shop = await openShop({ migrations });
  folder = await mkdtemp(path.join(tmpdir(), 'tenantry-names-'));
});
afterAll(async () => {
  await shop.close();
  await rm(folder, { recursive: true });
});

const sql = (text: string) => shop.database.admin.query(text);

async function newTenant(): Promise<{ id: string; to: string }> {
  const [id = ''] = freshIds(1);
  await shop.signUp(id);
  return { id, to: `${id}-new` };
}

/** Uses every function; what they find is their own tenant's, and the last row says where. */
async function use(id: string): Promise<unknown> {
  return shop.tenancy.run(id, async () => {
    await shop.orm.em.execute('insert into stock (n) values (1)');
    await shop.orm.em.transactional((em) => em.execute('call twice(2)'));
    const [row] = await shop.orm.em.execute<{ total: string }[]>('select total::int from totals');
    const [last] = await shop.orm.em.execute<{ at: string }[]>('select at from stock order by id desc limit 1');
    return [row?.total, last?.at];
  });
}

it('takes the search paths of functions along, whoever made them how', async () => {
  const { id, to } = await newTenant();
  await sql(`alter function "${id}_shop".total() set search_path to pg_catalog, "${id}_shop", "$user", "we""ird"`);
  expect(await use(id)).toEqual([2, `${id}_shop`]);
  await sql(`alter function "${id}_shop".place() set work_mem to '8MB'`);
  await shop.tenancy.tenants.rename(id, { to });
  expect(await use(to)).toEqual([6, `${to}_shop`]);
  const { rows } = await sql(
    `select proname, proconfig from pg_proc where pronamespace = '"${to}_shop"'::regnamespace order by proname`,
  );
  expect(rows).toEqual([
    { proname: 'place', proconfig: [`search_path="${to}_shop"`, 'work_mem=8MB'] },
    { proname: 'total', proconfig: [`search_path=pg_catalog, "${to}_shop", "$user", "we""ird"`] },
    { proname: 'twice', proconfig: [`search_path="${to}_shop"`] },
  ]);
});

it('leaves a renamed tenant without drift, and copies of it work for themselves', async () => {
  const { id, to } = await newTenant();
  const [cloned = '', imported = ''] = freshIds(2);
  await use(id);
  await shop.tenancy.tenants.rename(id, { to });
  await shop.tenancy.copies.clone(to, cloned);
  await shop.tenancy.copies.export(to, { to: path.join(folder, to) });
  await shop.tenancy.copies.import({ from: path.join(folder, to), as: imported });
  expect((await shop.tenancy.fleet.drift({ tenants: [to, cloned, imported] })).drifted).toEqual([]);
  for (const each of [to, cloned, imported]) expect(await use(each)).toEqual([6, `${each}_shop`]);
});

describe.each<[string, string, string]>([
  ['function "lost"', "create function $.lost() returns int language sql as 'select sum(n)::int from $.stock'", ''],
  ['function "lost"', "create function $.lost() returns int language sql set role = '$' as 'select 1'", ''],
  ['view "lost"', "create view $.lost as select to_regclass('$.stock')", ''],
  ['default of the column "stock.at"', "alter table $.stock alter at set default '$.x'", ''],
  ['constraint "lost"', "alter table $.stock add constraint lost check (at <> '$.x')", ''],
  ['policy "lost"', "create policy lost on $.stock using (at = '$')", ''],
  ['trigger "lost"', "create trigger lost after insert on $.stock for each row execute function $.place('$')", ''],
  ['domain "lost"', "create domain $.lost as text default '$'", ''],
  ['rule "lost"', "create rule lost as on delete to $.stock do also select '$'", ''],
])('a %s that spells out the former name', (what, made) => {
  it('is named, and nothing is renamed', async () => {
    const [id = ''] = freshIds(1).map((each) => each.replace('-', ''));
    await shop.signUp(id);
    await sql(made.replaceAll('$', `${id}_shop`));
    await expect(shop.tenancy.tenants.rename(id, { to: `${id}new` })).rejects.toMatchObject({
      code: 'TENANCY_TENANT_ENTANGLED',
      operatorMessage: expect.stringContaining(`the ${what} spells out the schema "${id}_shop"`) as string,
    });
    expect(await use(id)).toEqual([2, `${id}_shop`]);
    expect((await shop.tenancy.tenants.show(id)).operations).toEqual([]);
  });
});

it('takes a longer name, and a table that is called as the schema, for what they are', async () => {
  const [id = ''] = freshIds(1).map((each) => each.replace('-', ''));
  await shop.signUp(id);
  await sql(`create function ${id}_shop.other() returns text language sql as $$ select '${id}_shop2' $$`);
  await sql(`create table ${id}_shop.x (n int)`);
  await shop.tenancy.tenants.rename(id, { to: `${id}a` });
  await sql(`create table ${id}a_shop.${id}a_shop (n int)`);
  await sql(`create view ${id}a_shop.seen as select ${id}a_shop.n from ${id}a_shop.${id}a_shop`);
  expect(await shop.tenancy.tenants.rename(`${id}a`, { to: `${id}b` })).toMatchObject({ id: `${id}b` });
  expect((await sql(`select * from ${id}b_shop.seen`)).rows).toEqual([]);
});

it.each<[string, readonly string[] | undefined]>([
  ['a_shop', ['b_shop']],
  ['a_shop, public', ['b_shop', 'public']],
  ['"$user","a_shop" , "x, y", "a""_shop"', ['$user', 'b_shop', 'x, y', 'a"_shop']],
  ['""', undefined],
  ['a_shop2, "a_shop.x"', undefined],
])('reads the search path %s', (value, expected) => {
  expect(pathWith(value, new Map([['a_shop', 'b_shop']]))).toEqual(expected);
});
