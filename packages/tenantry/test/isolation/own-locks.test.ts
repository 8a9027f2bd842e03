import { createHash } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase } from '../../../../test/support/database.js';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { until } from '../../../../test/support/until.js';
import { widgetMigrations } from '../../../../test/support/widgets.js';
import { inCatalogTransaction } from '../../src/catalog/in-catalog-transaction.js';
import { installCatalog } from '../../src/catalog/install-catalog.js';
import { inLockedTransaction } from '../../src/postgres/in-locked-transaction.js';
import { lockKey, type LockName, lockNames } from '../../src/postgres/lock-names.js';
import { translateError } from '../../src/postgres/translate-error.js';
import { Tenancy } from '../../src/tenancy.js';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop({ lockTimeoutMs: 30 });
  await shop.signUp('acme', 'globex');
});
afterAll(() => shop.close());

const inAcme = <T>(fn: () => Promise<T>) => shop.tenancy.run('acme', fn);
const denied = { code: '42501' };

/** Every form of every function that takes a lock of the session. */
const sessionLocks = ['', '_shared'].flatMap((shared) =>
  ['pg_advisory_lock', 'pg_try_advisory_lock'].flatMap((name) => [`${name}${shared}(77)`, `${name}${shared}(7, 7)`]),
);

describe('a lock that would stay on the connection', () => {
  it.each(sessionLocks)('is refused to a tenant and to the catalog scope: %s', async (call) => {
    await expect(inAcme(() => shop.orm.em.execute(`select ${call}`))).rejects.toMatchObject(denied);
    await expect(shop.tenancy.runInCatalog(() => shop.orm.em.execute(`select ${call}`))).rejects.toMatchObject(denied);
  });

  it('is a tenant’s until its transaction ends', async () => {
    const held = await inAcme(() =>
      shop.orm.em.transactional(async (em) => {
        await em.execute('select pg_advisory_xact_lock(77)');
        return (await heldBy(77)).length;
      }),
    );
    expect(held).toBe(1);
    expect(await heldBy(77)).toEqual([]);
  });

  it('without the wall: stays, and the next tenant on the connection holds it', async () => {
    await shop.database.admin.query('grant execute on function pg_advisory_lock(bigint) to public');
    await inAcme(() => shop.orm.em.execute('select pg_advisory_lock(77)'));
    expect(await heldBy(77)).toHaveLength(1);
    const [next] = await shop.tenancy.run('globex', () =>
      shop.orm.em.execute<{ held: boolean }[]>('select pg_advisory_unlock(77) as held'),
    );
    expect(next).toEqual({ held: true });
    await shop.database.admin.query('revoke execute on function pg_advisory_lock(bigint) from public');
  });
});

describe('the key of a lock of ours', () => {
  const formerKey = (name: string) =>
    createHash('sha256').update(`tenantry:${name}`).digest().readBigInt64BE().toString();
  const guesses = ['catalog', 'service:shop', 'schema:initech_shop', 'operation:initech', 'rollout:shop'].map(
    formerKey,
  );

  it('cannot be guessed: a tenant who takes every key that it can compute stops nobody', async () => {
    await inAcme(() =>
      shop.orm.em.transactional(async (em) => {
        for (const key of guesses) await em.execute(`select pg_advisory_xact_lock(${key})`);
        await em.execute("select pg_advisory_xact_lock(hashtextextended('tenantry:catalog', 0))");
        const other = await Tenancy.start({
          url: shop.database.url,
          service: 'shop',
          migrations: widgetMigrations,
          reconcile: { automatic: false },
        });
        await other.catalog.create({ id: 'initech', name: 'Initech' });
        expect(await other.run('initech', () => other.require().placement.schema)).toBe('initech_shop');
        await other.tenants.suspend('initech');
        await other.stop();
      }),
    );
  });

  it.each([
    'select * from tenantry.lock_secret',
    "select tenantry.lock_key('catalog')",
    "select tenantry.take_lock('catalog', 1)",
    "select tenantry.lock_holder('catalog')",
    'select * from pg_locks',
    'select pg_lock_status()',
    'lock table tenantry.catalog_version in share row exclusive mode',
  ])('is not to be had: %s', async (sql) => {
    await expect(inAcme(() => shop.orm.em.transactional((em) => em.execute(sql)))).rejects.toMatchObject(denied);
    await expect(
      shop.tenancy.runInCatalog(() => shop.orm.em.transactional((em) => em.execute(sql))),
    ).rejects.toMatchObject(denied);
  });

  it('is another one in every database', async () => {
    const empty = await createTestDatabase();
    await empty.admin.query('drop schema tenantry cascade');
    const client = await empty.admin.connect();
    await inCatalogTransaction(client, () => installCatalog(client));
    client.release();
    const read = async (pool: pg.Pool) => (await pool.query(`select ${lockKey(lockNames.roles())} as key`)).rows;
    expect(await read(empty.admin)).not.toEqual(await read(shop.database.admin));
    await empty.drop();
  });
});

describe('who waits for a lock of ours', () => {
  /** Holds a lock by its true key while code runs, which gets the pid of who holds it. */
  async function whileHeld<T>(sql: string, fn: (pid: number) => Promise<T>): Promise<T> {
    const holder = await shop.database.admin.connect();
    try {
      await holder.query('begin');
      await holder.query(sql);
      const { rows } = await holder.query<{ pid: number }>('select pg_backend_pid() as pid');
      return await fn(rows[0]?.pid ?? 0);
    } finally {
      await holder.query('rollback');
      holder.release();
    }
  }
  const saying = (pid: number) => expect.stringContaining(`by pid ${pid} (role `) as string;

  it('is told which backend holds it, when it is to be provisioned', async () => {
    await shop.tenancy.catalog.create({ id: 'umbrella', name: 'Umbrella' });
    await whileHeld(`select pg_advisory_xact_lock(${lockKey(lockNames.schema('umbrella_shop'))})`, async (pid) => {
      await expect(shop.tenancy.run('umbrella', () => undefined)).rejects.toMatchObject({
        code: 'TENANCY_LOCK_HELD',
        status: 503,
        operatorMessage: saying(pid),
      });
    });
    expect(await shop.tenancy.run('umbrella', () => shop.tenancy.require().tenant.id)).toBe('umbrella');
  });

  it('is told it at the start too', async () => {
    const client = await shop.database.admin.connect();
    await whileHeld('lock table tenantry.catalog_version in share row exclusive mode', async (pid) => {
      const waiting = inCatalogTransaction(client, async () => 'ran', 50);
      await expect(waiting).rejects.toMatchObject({ code: 'TENANCY_LOCK_HELD', operatorMessage: saying(pid) });
    });
    await whileHeld(`select pg_advisory_xact_lock(${lockKey(lockNames.service('shop'))})`, async (pid) => {
      const waiting = inLockedTransaction(client, lockNames.service('shop'), async () => 'ran', 50);
      const error = await waiting.catch((failure: unknown) => translateError(failure));
      expect(error).toMatchObject({ code: 'TENANCY_LOCK_HELD', operatorMessage: saying(pid) });
    });
    expect(await inLockedTransaction(client, lockNames.service('shop'), async () => 'ran', 50)).toBe('ran');
    client.release();
  });

  it('waits for the lock, not for what the database limits locks to, and gives it back with the limit as it was', async () => {
    const { admin } = shop.database;
    const client = await admin.connect();
    await client.query('begin; set local lock_timeout to 1');
    const { waiting, pid } = await whileHeld(`select pg_advisory_xact_lock(${lockKey('x' as LockName)})`, async () => {
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
      const taking = client.query("select tenantry.take_lock('x', 60000)").then(() => 'taken');
      await until('it waits', async () => {
        const blocked = await admin.query(
          "select from pg_locks where pid = $1 and locktype = 'advisory' and not granted",
          [rows[0]?.pid],
        );
        return blocked.rows.length === 1;
      });
      return { waiting: taking, pid: rows[0]?.pid };
    });
    expect(await waiting).toBe('taken');
    const { rows } = await admin.query<{ holder: string }>("select tenantry.lock_holder('x') as holder");
    expect(rows[0]?.holder).toContain(`pid ${pid} (`);
    expect((await client.query('show lock_timeout')).rows).toEqual([{ lock_timeout: '1ms' }]);
    await client.query('rollback');
    expect((await admin.query("select tenantry.lock_holder('x') as holder")).rows).toEqual([{ holder: null }]);
    client.release();
  });
});

it('installs the catalog once, however many begin at the same time in an empty database', async () => {
  const empty = await createTestDatabase();
  await empty.admin.query('drop schema tenantry cascade');
  const pool = new pg.Pool({ connectionString: empty.url, max: 8 });
  const install = async () => {
    const client = await pool.connect();
    const { before } = await inCatalogTransaction(client, () => installCatalog(client));
    client.release();
    return before;
  };
  const before = await Promise.all(Array.from({ length: 8 }, install));
  expect(before.filter((version) => version === 0)).toHaveLength(1);
  await pool.end();
  await empty.drop();
});

async function heldBy(key: number): Promise<unknown[]> {
  const { rows } = await shop.database.admin.query(
    `select pid from pg_locks where locktype = 'advisory' and granted and objid = $1
        and database = (select oid from pg_database where datname = current_database())`,
    [key],
  );
  return rows;
}

it('takes no lock without the secret that its key is made of, and says so', async () => {
  const client = await shop.database.admin.connect();
  try {
    await client.query('begin');
    await client.query('delete from tenantry.lock_secret');
    await expect(client.query("select tenantry.take_lock('anything', 1000)")).rejects.toThrow('lock_secret is empty');
  } finally {
    await client.query('rollback');
    client.release();
  }
});
