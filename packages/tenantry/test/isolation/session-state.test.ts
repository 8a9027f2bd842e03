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

describe('what enters a scope', () => {
  /** Every way in which the gate sets something, and every end of it. */
  const ways: readonly (readonly string[])[] = [
    ['select * from widget'],
    ['select * from missing'],
    ['select 1 / 0'],
    ['set local timezone to utc'],
    ['begin', 'select * from widget', 'set local role none', 'commit'],
    ['begin', 'select * from widget', 'rollback'],
    ['begin', 'select * from missing', 'commit'],
    ['begin', 'lock table widget', 'commit'],
    ['begin', 'savepoint s', 'select * from widget', 'rollback to s', 'select * from widget', 'rollback'],
    ['begin isolation level serializable', 'select * from widget', 'commit'],
    ['begin', 'set transaction read only', 'select * from widget', 'commit'],
    ['begin', 'select * from widget', 'commit and chain', 'select * from widget', 'commit'],
    ['begin', 'select * from widget', 'rollback and chain', 'select * from missing', 'rollback'],
  ];

  it.each(ways.map((texts) => [texts.join('; '), texts] as const))(
    'leaves nothing of a tenant on the connection: %s',
    async (_, texts) => {
      const pool = await scopedPool(shop);
      const client = await pool.connect();
      const neutral = await settingsOf(client);
      expect(neutral).toMatchObject({ role: 'none', idle: true, left: [] });
      for (let round = 0; round < 2; round++) {
        await shop.tenancy.run('acme', async () => {
          for (const sql of texts) await client.query(sql).catch(() => undefined);
        });
        expect(await settingsOf(client)).toEqual(neutral);
      }
      client.release();
      await pool.end();
    },
  );

  it('leaves nothing of a tenant on the connection: a report', async () => {
    const pool = await scopedPool(shop);
    const untouched = await pool.connect();
    const neutral = await settingsOf(untouched);
    untouched.release();
    const scope = await shop.tenancy.run('acme', () => shop.tenancy.require());
    for (const text of ['select * from widget', 'select 1 / 0'])
      await pool.readOnly({ scope, text, rowsMax: 9, statementTimeoutMs: 77 }).catch(() => undefined);
    const client = await pool.connect();
    expect(await settingsOf(client)).toEqual(neutral);
    client.release();
    await pool.end();
  });

  it('without the wall: one that is set for the session stays', async () => {
    const pool = await scopedPool(shop);
    const client = await pool.connect();
    const neutral = await settingsOf(client);
    for (const name of [
      'role',
      'search_path',
      'statement_timeout',
      'idle_in_transaction_session_timeout',
      'work_mem',
    ]) {
      const value = name === 'role' ? 'acme_shop' : '77000';
      await pastTheGate(client, `set ${name} to '${value}'`);
      expect(await settingsOf(client)).not.toEqual(neutral);
      await pastTheGate(client, `reset ${name}`);
      expect(await settingsOf(client)).toEqual(neutral);
    }
    client.release();
    await pool.end();
  });
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
