import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { madeLogin } from '../../../../test/support/logins.js';
import type { Tenancy } from '../../src/tenancy.js';
import { first, type FleetShop, openFleet } from '../fleet/support/fleet-shop.js';

let shop: FleetShop;
let tenancy: Tenancy;
beforeAll(async () => {
  shop = await openFleet(2);
  tenancy = await shop.start(first);
  await shop.sql('create sequence t000_shop.counter; grant usage on sequence t000_shop.counter to t000_shop');
});
afterAll(() => shop.close());

const neighbour = 'select name from t001_shop.item';
const state = () =>
  shop.sql(`select (select jsonb_agg(i) from t000_shop.item i) as items, (select last_value from t000_shop.counter) as counter,
                   (select count(*)::int from pg_class where relnamespace = 't000_shop'::regnamespace) as relations`);

/** One statement as the tenant, on a plain connection of the login that serves: no cursor, nothing that is read only. */
async function withoutTheWall(...statements: readonly string[]): Promise<pg.QueryResult[]> {
  const client = new pg.Client({ connectionString: (await madeLogin(shop.database)).url });
  await client.connect();
  try {
    await client.query('begin; set local role t000_shop; set local search_path to t000_shop');
    const results: pg.QueryResult[] = [];
    for (const statement of statements) results.push(await client.query(statement));
    return results;
  } finally {
    await client.query('rollback');
    await client.end();
  }
}

const writes = {
  insert: "insert into item values (9, 'x') returning id",
  update: "update item set name = 'x' returning id",
  delete: 'delete from item returning id',
  'a select that deletes': 'with gone as (delete from item returning id) select id from gone',
  'a sequence': "select nextval('counter') as n",
  'a locking select': 'select id from item for update',
};

describe('writing', () => {
  it.each(Object.entries(writes))('is refused and changes nothing: %s', async (_, sql) => {
    const before = await state();
    const tried = tenancy.report({ sql, selector: { tenants: ['t000'] } });
    await expect(tried).rejects.toMatchObject({ code: 'TENANCY_REPORT_INVALID' });
    expect(await state()).toEqual(before);
  });

  it.each(Object.entries(writes))('works for the tenant’s role without the wall: %s', async (_, sql) => {
    const [result] = await withoutTheWall(sql);
    expect(result?.rowCount).toBe(1);
  });

  it.each([
    'create table t (a int)',
    'select 1 as a into other',
    'set transaction read write',
    'commit',
    'call f()',
    "notify x, 'y'",
    'listen x',
    'copy item to stdout',
    'do $$ begin end $$',
    'prepare p as select 1',
    'declare c cursor with hold for select 1',
    'explain analyze delete from item',
  ])('takes no other command: %s', async (sql) => {
    const before = await state();
    await expect(tenancy.report({ sql, selector: { tenants: ['t000'] } })).rejects.toMatchObject({
      code: 'TENANCY_REPORT_INVALID',
    });
    expect(await state()).toEqual(before);
  });
});

describe('leaving the role', () => {
  const switching = `select set_config('role', 't001_shop', true) as a, query_to_xml('${neighbour}', true, false, '')::text as rows`;

  it.each([
    ['a neighbour’s table', neighbour],
    ['set role', 'set role t001_shop'],
    ['reset role', 'reset role'],
    ['set session authorization', 'set session authorization default'],
    ['set_config inside the select', switching],
    ['set_config of the transaction', "select set_config('transaction_read_only', 'off', true) as a"],
    ['a stacked statement', `select 1 as a; set role t001_shop; ${neighbour}`],
    ['closing the cursor’s select', `select 1 as a) union (${neighbour}`],
  ])('is refused: %s', async (_, sql) => {
    await expect(tenancy.report({ sql, selector: { tenants: ['t000'] } })).rejects.toMatchObject({
      code: 'TENANCY_REPORT_INVALID',
    });
  });

  it('works in two statements on a plain connection of the login', async () => {
    const [, result] = await withoutTheWall('set local role t001_shop', neighbour);
    expect(result?.rows).toEqual([{ name: 'first' }]);
  });

  it('works in one select once PUBLIC has set_config again, but writes nothing even then', async () => {
    await shop.sql('grant execute on function pg_catalog.set_config(text, text, boolean) to public');
    try {
      const { rows } = await tenancy.report({ sql: switching, selector: { tenants: ['t000'] } });
      expect(rows[0]?.['rows']).toContain('first');
      const opening = "select set_config('transaction_read_only', 'off', true) as a";
      const { failures } = await tenancy
        .report({ sql: `${opening} where 1 = 1`, selector: { tenants: ['t000'] } })
        .catch((error: Error) => ({ failures: [error.message] }));
      expect(JSON.stringify(failures)).toContain('must be set before any query');
    } finally {
      await shop.sql('revoke execute on function pg_catalog.set_config(text, text, boolean) from public');
    }
  });
});

describe('what outlives a transaction', () => {
  const held = () =>
    shop.sql(
      "select objid from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())",
    );

  it('is refused: an advisory lock of the session', async () => {
    const locking = tenancy.report({ sql: 'select pg_advisory_lock(77)::text as a' });
    await expect(locking).rejects.toThrow('permission denied for function pg_advisory_lock');
  });

  it('is let go where everybody has them back: advisory locks of the session, also when the select fails after them', async () => {
    await shop.sql('grant execute on function pg_advisory_lock(bigint) to public');
    await tenancy.report({ sql: 'select pg_advisory_lock(77)::text as a' });
    const { failures } = await tenancy.report({ sql: 'select pg_advisory_lock(78)::text as a, 1 / (select 0) as b' });
    expect(failures).toHaveLength(2);
    expect(await held()).toEqual([]);
  });

  it('stays without the wall', async () => {
    const client = new pg.Client({ connectionString: (await madeLogin(shop.database)).url });
    await client.connect();
    await client.query('begin; select pg_advisory_lock(77); rollback');
    expect(await held()).toEqual([{ objid: 77 }]);
    await client.end();
    await shop.sql('revoke execute on function pg_advisory_lock(bigint) from public');
  });

  it('is nothing of the tenant: the next statement on the connection has neither its role nor its path', async () => {
    await tenancy.report({ sql: 'select 1 as one', concurrency: 1 });
    const { rows } = await tenancy.report({
      sql: 'select current_user::text as role, current_setting($1) as path',
      params: ['search_path'],
    });
    expect(rows).toEqual([
      { tenant: 't000', role: 't000_shop', path: '"t000_shop","pg_temp"' },
      { tenant: 't001', role: 't001_shop', path: '"t001_shop","pg_temp"' },
    ]);
  });
});
