import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import type { ScopedPool } from '../../src/isolation/scoped-pool.js';
import { scopedPool, settingsOf } from './support/pools.js';
import { stock, widgetNames } from './support/stock.js';

let shop: Shop;
let login: string;
let pool: ScopedPool;
let client: pg.PoolClient;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp('acme', 'globex');
  await stock(shop, 'acme', 'globex');
  login = `tenantry_${shop.database.name}`;
});
beforeEach(async () => {
  pool = await scopedPool(shop);
  client = await pool.connect();
});
afterEach(async () => {
  client.release();
  await pool.end();
});
afterAll(() => shop.close());

const inAcme = <T>(fn: () => Promise<T>) => shop.tenancy.run('acme', fn);
const role = 'select current_user::text as role';
const insert = "insert into widget (name) values ('stray')";
const refused = { code: 'TENANCY_SCOPE_REFUSED' };
const statusOf = () => (client as unknown as { _txStatus: string })._txStatus;

it('sends begin with the first statement, in the scope of the transaction', async () => {
  await inAcme(async () => {
    expect(await client.query('begin')).toMatchObject({ command: 'BEGIN', rows: [] });
    expect(statusOf()).toBe('I');
    expect(await client.query(role)).toMatchObject({ command: 'SELECT', rows: [{ role: 'acme_shop' }] });
    expect(statusOf()).toBe('T');
    await client.query('rollback');
  });
  expect(await settingsOf(client)).toMatchObject({ role: 'none', idle: true });
});

it('answers callbacks later, in the scope of whoever asked', async () => {
  const seen = await inAcme(
    () =>
      new Promise((resolve) => {
        let returned = false;
        client.query('begin', (error, result) => resolve([error, result.command, returned, shop.tenancy.current()]));
        returned = true;
      }),
  );
  expect(seen).toEqual([null, 'BEGIN', true, expect.objectContaining({ kind: 'tenant' })]);
});

it('takes a mode of the transaction before any query', async () => {
  await inAcme(async () => {
    await client.query('begin');
    await client.query('set transaction isolation level serializable');
    const { rows } = await client.query(
      "select current_user::text as role, current_setting('transaction_isolation') as level, current_setting('statement_timeout') as limit",
    );
    expect(rows).toEqual([{ role: 'acme_shop', level: 'serializable', limit: '10s' }]);
    await client.query('commit');
  });
});

it.each(['rollback', 'commit'])('ends a transaction without a statement: %s', async (end) => {
  await inAcme(async () => {
    await client.query('begin');
    expect(await client.query(end)).toMatchObject({ command: end.toUpperCase() });
  });
  expect(await settingsOf(client)).toMatchObject({ role: 'none', idle: true });
  expect((await shop.tenancy.run('globex', () => client.query(role))).rows).toEqual([{ role: 'globex_shop' }]);
});

it('refuses another scope before the transaction has had a statement', async () => {
  const mismatch = { code: 'TENANCY_SCOPE_MISMATCH' };
  await inAcme(() => client.query('begin'));
  await shop.tenancy.run('globex', async () => {
    for (const sql of [role, 'commit', 'rollback']) await expect(client.query(sql)).rejects.toMatchObject(mismatch);
  });
  await inAcme(async () => {
    expect((await client.query(role)).rows).toEqual([{ role: 'acme_shop' }]);
    await client.query('rollback');
  });
});

it('fails as a whole when it cannot be opened, and nothing of it stays', async () => {
  await shop.database.admin.query(`revoke acme_shop from ${login}`);
  await inAcme(async () => {
    await client.query('begin');
    await expect(client.query(insert)).rejects.toMatchObject(refused);
  });
  await shop.database.admin.query(`grant acme_shop to ${login}`);
  await inAcme(async () => {
    for (const sql of [insert, role, 'commit']) await expect(client.query(sql)).rejects.toMatchObject(refused);
    await client.query('rollback');
    expect((await client.query(role)).rows).toEqual([{ role: 'acme_shop' }]);
  });
  expect(await widgetNames(shop, 'acme')).toEqual(['acme widget']);
});

it('stays a transaction when the first statement is wrong, refused or cannot be sent', async () => {
  const unsendable = { toPostgres: () => { throw new Error('no such value'); } }; // prettier-ignore
  for (const first of [
    () => client.query('select * from nowhere'),
    () => client.query('set timezone to utc'),
    () => client.query('select $1::text', [unsendable]),
  ]) {
    await inAcme(async () => {
      await client.query('begin');
      await expect(first()).rejects.toThrow();
      await client.query(insert).catch(() => undefined);
      await client.query('rollback');
    });
    expect(await widgetNames(shop, 'acme')).toEqual(['acme widget']);
  }
});

it('keeps the order of statements that nobody waits for', async () => {
  const results = await inAcme(() => Promise.all(['begin', insert, role, 'rollback'].map((sql) => client.query(sql))));
  expect(results.map(({ command }) => command)).toEqual(['BEGIN', 'INSERT', 'SELECT', 'ROLLBACK']);
  expect(await widgetNames(shop, 'acme')).toEqual(['acme widget']);
});

it('hands on a connection whose transaction has had no statement, and nothing of that transaction', async () => {
  const { processID } = client as unknown as { processID: number };
  await inAcme(() => client.query('begin'));
  client.release();
  client = await pool.connect();
  expect(client).toMatchObject({ processID });
  await shop.tenancy.run('globex', () => client.query(insert));
  expect(await settingsOf(client)).toMatchObject({ role: 'none', idle: true });
  expect(await widgetNames(shop, 'globex')).toEqual(['globex widget', 'stray']);
  expect(await widgetNames(shop, 'acme')).toEqual(['acme widget']);
});
