import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { runInScope } from '../../src/context/current-scope.js';
import type { TenantScope } from '../../src/context/scope.js';
import type { ScopedPool } from '../../src/isolation/scoped-pool.js';
import type { SchemaName } from '../../src/tenant/schema-name.js';
import { pastTheGate, scopedPool } from './support/pools.js';
import { stock } from './support/stock.js';

let shop: Shop;
let acme: TenantScope;
/** A tenant of whom PostgreSQL has no role. */
let lost: TenantScope;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp('acme');
  await stock(shop, 'acme');
  acme = await shop.tenancy.run('acme', () => shop.tenancy.require());
  const [schema, role] = ['lost_shop', 'lost_shop'] as [SchemaName, TenantScope['placement']['role']];
  lost = { ...acme, placement: { ...acme.placement, schema, role } };
});
afterAll(() => shop.close());

let pool: ScopedPool;
let client: pg.PoolClient;
beforeEach(async () => {
  pool = await scopedPool(shop);
  client = await pool.connect();
});
afterEach(async () => {
  client.release();
  await pool.end();
});

const functionName = 'pg_catalog.set_config';
const hide = () => shop.database.admin.query(`alter function ${functionName}(text, text, boolean) rename to hidden`);
const show = () =>
  shop.database.admin.query('alter function pg_catalog.hidden(text, text, boolean) rename to set_config');

const names = async () => (await client.query<{ name: string }>('select name from widget')).rows;
const own = [{ name: 'acme widget' }];
const inTransaction = async <T>(fn: () => Promise<T>): Promise<T> => {
  await client.query('begin');
  try {
    return await fn();
  } finally {
    await client.query('rollback');
  }
};
const backend = async () => (await pastTheGate<{ pid: number }>(client, 'select pg_backend_pid() as pid')).rows[0]?.pid;
/** The gate's own statements that PostgreSQL keeps on this connection. */
const prepared = async () =>
  (await pastTheGate(client, "select name from pg_prepared_statements where name ~ '^tenantry_scope_'")).rowCount;

describe('what enters a scope', () => {
  it('is prepared once for a connection, in a transaction or outside', async () => {
    await runInScope(acme, async () => {
      for (let round = 0; round < 3; round++) {
        expect(await inTransaction(names)).toEqual(own);
        expect(await names()).toEqual(own);
        expect(await prepared()).toBe(1);
      }
    });
  });

  it.each<[string, (ask: () => Promise<unknown>) => Promise<unknown>]>([
    ['outside a transaction', (ask) => ask()],
    ['in a transaction', (ask) => inTransaction(ask)],
  ])('is prepared by the next statement where PostgreSQL could not prepare it: %s', async (_, place) => {
    const before = await backend();
    await hide();
    try {
      await runInScope(acme, () => expect(place(names)).rejects.toMatchObject({ code: '42883' }));
      expect(await prepared()).toBe(0);
    } finally {
      await show();
    }
    await runInScope(acme, async () => {
      expect(await place(names)).toEqual(own);
      expect(await place(names)).toEqual(own);
    });
    // A statement that was believed prepared would have cost the connection.
    expect(await backend()).toBe(before);
    expect(await prepared()).toBe(1);
  });

  it.each<[string, (ask: () => Promise<unknown>) => Promise<unknown>]>([
    ['outside a transaction', (ask) => ask()],
    ['in a transaction', (ask) => inTransaction(ask)],
  ])('is prepared also where PostgreSQL refused to run it: %s', async (_, place) => {
    const before = await backend();
    await runInScope(lost, () => expect(place(names)).rejects.toMatchObject({ code: 'TENANCY_SCOPE_REFUSED' }));
    expect(await prepared()).toBe(1);
    await runInScope(acme, async () => expect(await place(names)).toEqual(own));
    expect(await backend()).toBe(before);
    expect(await prepared()).toBe(1);
  });

  it('is prepared by nothing else that is parsed: neither a begin nor the statements of a transaction entered by commands', async () => {
    await runInScope(acme, async () => {
      await client.query('begin isolation level serializable');
      expect(await names()).toEqual(own);
      await client.query('commit');
      await client.query('begin');
      await client.query('set transaction read only');
      await client.query('rollback');
      expect(await prepared()).toBe(0);
      expect(await names()).toEqual(own);
      expect(await prepared()).toBe(1);
    });
  });
});
