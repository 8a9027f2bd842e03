import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { statementNature } from '../../src/isolation/statement-kind.js';
import { pastTheGate, plainPool, scopedPool, settingsOf } from './support/pools.js';
import { stock } from './support/stock.js';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp('acme', 'globex');
  await stock(shop, 'acme', 'globex');
});
afterAll(() => shop.close());

describe('a statement that would stay on the connection', () => {
  it.each([
    "set timezone to 'Asia/Tokyo'",
    'SET SESSION role globex_shop',
    'set standard_conforming_strings = off',
    'set session characteristics as transaction read only',
    "set names 'latin1'",
    "set local.leak = 'x'",
    "set transaction.leak = 'x'",
    "set constraints.leak = 'x'",
    'set local to 1',
    'set local seed = 0.5',
    'set local "Seed" to 0.5',
    'set local U&"se\\0065d" = 0.5',
    "commit prepared 'p'",
    'execute p',
    'reset all',
    'discard all',
    'listen tenantry',
    'unlisten *',
    "load 'auto_explain'",
    'prepare p as select 1',
    "prepare transaction 'p'",
    'deallocate all',
    'declare c cursor with hold for select * from widget',
    'declare c scroll cursor with/**/hold for select * from widget',
    '  \n\t set timezone to utc',
    '-- a comment\nset timezone to utc',
    '/* a /* nested */ comment */ set timezone to utc',
    ';;set timezone to utc',
    'set/**/timezone to utc',
    '/*/**/*/set timezone to utc',
  ])('is refused before it is sent: %s', async (sql) => {
    expect(statementNature(sql).kind).toBe('lasting');
    await expect(shop.tenancy.run('acme', () => shop.orm.em.execute(sql))).rejects.toMatchObject({
      code: 'TENANCY_STATEMENT_REFUSED',
    });
    await expect(shop.tenancy.runInCatalog(() => shop.orm.em.execute(sql))).rejects.toMatchObject({
      code: 'TENANCY_STATEMENT_REFUSED',
    });
  });

  it('is refused without ending the transaction it was tried in', async () => {
    const rows = await shop.tenancy.run('acme', () =>
      shop.orm.em.transactional(async (em) => {
        await expect(em.execute('set timezone to utc')).rejects.toMatchObject({ code: 'TENANCY_STATEMENT_REFUSED' });
        return em.execute('select name from widget');
      }),
    );
    expect(rows).toEqual([{ name: 'acme widget' }]);
  });
});

describe('a statement that ends with its transaction', () => {
  it.each([
    'set local timezone to utc',
    'set transaction read only',
    'set constraints all deferred',
    'SET /* only */ LOCAL work_mem = 64',
    'declare c cursor for select * from widget',
    "select 'set timezone to utc'",
    'select 1 /* set */',
    'with x as (select 1) select * from x',
    'values (1)',
    'table widget',
    '(select 1)',
    'explain select 1',
    'show timezone',
    '',
  ])('is let through: %s', (sql) => {
    expect(statementNature(sql).kind).toMatch(/^(?:query|command|mode|inside)$/);
  });
});

describe('settings that got past the gate', () => {
  it('do not reach the next statement: neither a search path nor a role', async () => {
    const pool = await scopedPool(shop);
    const client = await pool.connect();
    await pastTheGate(client, 'set search_path to globex_shop');
    await expect(client.query('select name from widget')).rejects.toMatchObject({ code: '42P01' });
    const inAcme = () => client.query('select name, current_user::text as role from widget');
    expect((await shop.tenancy.run('acme', inAcme)).rows).toEqual([{ name: 'acme widget', role: 'acme_shop' }]);
    client.release();
    await pool.end();
  });

  it('give their place to another connection where the role was changed, because that role may not choose one', async () => {
    const pool = await scopedPool(shop);
    const reads: readonly ((client: pg.PoolClient) => Promise<unknown>)[] = [
      (client) => expect(client.query('select name from globex_shop.widget')).rejects.toMatchObject({ code: '42501' }),
      async (client) => {
        const { rows } = await shop.tenancy.run('acme', () => client.query('select name from widget'));
        expect(rows).toEqual([{ name: 'acme widget' }]);
      },
    ];
    for (const read of reads) {
      const client = await pool.connect();
      await pastTheGate(client, 'set role globex_shop');
      await read(client);
      client.release();
    }
    await pool.end();
  });
});

it('keeps nothing of a tenant on a connection between two statements', async () => {
  const pool = await scopedPool(shop);
  const client = await pool.connect();
  const neutral = await settingsOf(client);
  expect(neutral).toMatchObject({ role: 'none', idle: true });
  await shop.tenancy.run('acme', () => client.query('select * from widget'));
  expect(await settingsOf(client)).toEqual(neutral);
  await expect(shop.tenancy.run('acme', () => client.query('select * from missing'))).rejects.toThrow('missing');
  expect(await settingsOf(client)).toEqual(neutral);
  await shop.tenancy.run('acme', async () => {
    for (const sql of ['begin', 'select * from widget', 'set local role none', 'commit']) await client.query(sql);
  });
  expect(await settingsOf(client)).toEqual(neutral);
  client.release();
  await pool.end();
});

describe('without the wall', () => {
  it('hands one tenant’s cursor, time zone and quoting to the next borrower of a plain pool', async () => {
    const pool = await plainPool(shop);
    const first = await pool.connect();
    await first.query('set role acme_shop; set search_path to acme_shop');
    await first.query('declare c cursor with hold for select name from widget');
    await first.query("set timezone to 'Asia/Tokyo'; set standard_conforming_strings to off");
    first.release();
    const next = await pool.connect();
    await next.query('set role globex_shop; set search_path to globex_shop');
    expect((await next.query('fetch all from c')).rows).toEqual([{ name: 'acme widget' }]);
    expect((await next.query('show timezone')).rows).toEqual([{ TimeZone: 'Asia/Tokyo' }]);
    // A backslash now escapes the quote after it: what the client takes for a value, PostgreSQL takes for SQL.
    expect((await next.query("select 'x\\' || name -- ' from widget")).rows).not.toEqual([]);
    next.release(true);
    await pool.end();
  });
});
