import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { actualState, freshIds } from '../../../../test/support/actual-state.js';
import { openShop, type Shop } from '../../../../test/support/shop.js';

let shop: Shop;
let id = '';
let schema = '';
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop.close());
beforeEach(() => {
  [id = ''] = freshIds(1);
  schema = `${id}_shop`;
});

const ddl = (sql: string) => shop.database.admin.query(sql.replaceAll('$name', pg.escapeIdentifier(schema)));
const signUp = () => shop.tenancy.catalog.create({ id, name: id });
const provisioning = () => shop.tenancy.run(id, () => undefined);
const failures = async () => (await shop.tenancy.reconcile()).failures.filter(({ tenant }) => tenant === id);
const taken = {
  code: 'TENANCY_SCHEMA_TAKEN',
  status: 500,
  operatorMessage: expect.stringContaining('so it was left alone'),
};

it('leaves a schema alone that somebody else made', async () => {
  await ddl('create schema $name');
  await ddl('create table $name.widget (mine text)');
  await signUp();
  await expect(provisioning()).rejects.toMatchObject(taken);
  expect(await actualState(shop.database.admin, [id])).toEqual({
    schemas: [schema],
    roles: [],
    recorded: [],
    ledger: [],
  });
  const { rows } = await ddl('select * from $name.widget');
  expect(rows).toEqual([]);
});

it.each([
  ['may log in', 'create role $name login'],
  ['may make roles', 'create role $name createrole'],
  ['passes row security', 'create role $name bypassrls'],
  ['belongs to another role', 'create role $name in role pg_read_all_data'],
  ['has rights in this database', 'create role $name; grant select on tenantry.tenant to $name'],
  [
    'owns something in this database',
    'create role $name; create table public.mine(); alter table public.mine owner to $name',
  ],
])('leaves a role alone that %s', async (_, made) => {
  await ddl(made);
  try {
    await signUp();
    await expect(provisioning()).rejects.toMatchObject(taken);
    expect(await actualState(shop.database.admin, [id])).toEqual({
      schemas: [],
      roles: [schema],
      recorded: [],
      ledger: [],
    });
  } finally {
    await ddl('drop owned by $name cascade; drop role $name');
  }
});

it('does not make a schema anew that somebody dropped by hand, because an empty one would hide the loss', async () => {
  await shop.signUp(id);
  await ddl('drop schema $name cascade');
  await shop.database.admin.query('update tenantry.tenant_schema set head = null where schema_name = $1', [schema]);
  expect(await failures()).toMatchObject([
    { code: 'TENANCY_SCHEMA_LOST', reason: expect.stringContaining('dropped it by hand') },
  ]);
  expect((await actualState(shop.database.admin, [id])).schemas).toEqual([]);
});

it('makes an empty schema once the operator says so by deleting its rows, as the error tells', async () => {
  await shop.signUp(id);
  await ddl('drop schema $name cascade');
  for (const table of ['tenant_schema', 'ledger']) {
    await shop.database.admin.query(`delete from tenantry.${table} where schema_name = $1`, [schema]);
  }
  expect(await failures()).toEqual([]);
  expect((await actualState(shop.database.admin, [id])).schemas).toEqual([schema]);
});
