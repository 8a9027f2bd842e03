import { Kysely, PostgresDialect, sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { translateError } from '../../src/postgres/translate-error.js';
import { plainPool } from './support/pools.js';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop({ connections: 5, listenUrl: false });
  await shop.signUp('acme');
});
afterAll(() => shop.close());

/** The pool of the shop: what is left of 5 after the owner's 2. */
const poolSize = 3;
const pidOf = 'select pg_backend_pid() as pid';
const terminate = (pid: number) => shop.database.admin.query('select pg_terminate_backend($1, 1000)', [pid]);
const rounds = Array.from({ length: poolSize * 2 }, (_, round) => round);

it('gives a connection back that is lost in the middle of a transaction', async () => {
  const { tenancy, orm } = shop;
  for (const _ of rounds) {
    const losing = tenancy.run('acme', () =>
      orm.em.transactional(async (em) => {
        const [row] = await em.execute<{ pid: number }[]>(pidOf);
        await terminate(row?.pid ?? 0);
        await em.execute('select 1');
      }),
    );
    const error: unknown = await losing.catch((reason: unknown) => reason);
    expect(translateError(error)?.code).toBe('TENANCY_DATABASE_UNAVAILABLE');
  }
  await expectAllUsable();
});

it('gives a connection back whose transaction could not begin', async () => {
  const { tenancy, orm, database } = shop;
  await database.admin.query(`revoke acme_shop from tenantry_${database.name}`);
  for (const _ of rounds) {
    const refused = tenancy.run('acme', () => orm.em.transactional((em) => em.execute('select 1')));
    await expect(refused).rejects.toMatchObject({ code: 'TENANCY_SCOPE_REFUSED' });
    const otherwise = tenancy.run('acme', () =>
      orm.em
        .getKysely()
        .transaction()
        .execute(async () => undefined),
    );
    await expect(otherwise).rejects.toMatchObject({ code: 'TENANCY_SCOPE_REFUSED' });
  }
  await database.admin.query(`grant acme_shop to tenantry_${database.name}`);
  await expectAllUsable();
});

it('without the wall: Kysely alone keeps the lost connection, and a pool of one is empty', async () => {
  const pool = await plainPool(shop);
  pool.on('connect', (client) => client.on('error', () => undefined));
  const kysely = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  const transaction = await kysely.startTransaction().execute();
  const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(transaction);
  await terminate(rows[0]?.pid ?? 0);
  // Only now: it bounds the first connect as well.
  pool.options.connectionTimeoutMillis = 100;
  await expect(transaction.rollback().execute()).rejects.toThrow();
  await expect(sql`select 1`.execute(kysely)).rejects.toThrow('timeout exceeded when trying to connect');
});

/** Takes as many connections at once as the pool has. */
async function expectAllUsable(): Promise<void> {
  const { tenancy, orm } = shop;
  const sleeping = Array.from({ length: poolSize }, () =>
    tenancy.run('acme', () => orm.em.fork().execute('select pg_sleep(0.05)')),
  );
  await Promise.all(sleeping);
  expect(tenancy.connections()).toMatchObject({ total: poolSize, idle: poolSize, waiting: 0 });
}
