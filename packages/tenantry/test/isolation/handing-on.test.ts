import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import type pg from 'pg';
import Cursor from 'pg-cursor';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { MikroORM } from '@mikro-orm/postgresql';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { until } from '../../../../test/support/until.js';
import { widgetEntities } from '../../../../test/support/widgets.js';
import type { ScopedPool } from '../../src/isolation/scoped-pool.js';
import { ormOptions } from '../../src/orms/mikro-orm/orm-options.js';
import { plainPool, scopedPool } from './support/pools.js';
import { stock, widgetNames } from './support/stock.js';

let shop: Shop;
let pool: ScopedPool;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp('acme', 'globex');
  await stock(shop, 'acme', 'globex');
});
beforeEach(async () => {
  pool = await scopedPool(shop, {}, { idleTransactionTimeoutMs: 200 });
});
afterEach(async () => {
  // One connection, and whoever wants it gets it, idle.
  for (const tenant of ['acme', 'globex']) {
    const { rows } = await as(tenant, () => pool.query('select name from widget order by id limit 1'));
    expect(rows).toEqual([{ name: `${tenant} widget` }]);
  }
  await pool.end();
  await shop.database.admin.query("delete from acme_shop.widget where name <> 'acme widget'");
});
afterAll(() => shop.close());

const as = <T>(tenant: string, fn: () => Promise<T>) => shop.tenancy.run(tenant, fn);
const ignored = () => undefined;
const pidOf = (client: pg.PoolClient) => (client as unknown as { processID: number }).processID;
const insert = "insert into widget (name) values ('acme extra')";

describe('a connection that is given back', () => {
  it.each([
    ['before its begin was answered', ['begin isolation level serializable', 'select 1']],
    ['in the middle of a transaction', ['begin', insert]],
    ['after a statement of its transaction failed', ['begin', 'select 1 / 0']],
    ['with statements on their way', ['select pg_sleep(0.05)', 'begin', insert]],
  ])('is handed on only when PostgreSQL says that it is idle: %s', async (_, statements) => {
    for (let round = 0; round < 20; round++) {
      const client = await pool.connect();
      await as('acme', async () => {
        for (const statement of statements) client.query(statement).catch(ignored);
        await statements.reduce((before) => before.then(ignored), Promise.resolve());
      });
      client.release();
      // What the next one is told was done is done.
      await as('acme', () => pool.query("insert into widget (name) values ('acme kept')"));
    }
    const kept = (await widgetNames(shop, 'acme')).filter((name) => name === 'acme kept');
    expect(kept).toHaveLength(20);
    expect(await widgetNames(shop, 'acme')).not.toContain('acme extra');
  });

  it('is handed on whole by Kysely, whatever its holder left undone', async () => {
    const orm = await MikroORM.init(ormOptions(pool, shop.database.name, { entities: widgetEntities }));
    for (let round = 0; round < 20; round++) {
      await as('acme', () =>
        orm.em
          .getKysely()
          .connection()
          .execute(async (one) => {
            await sql`begin`.execute(one);
            await sql`select 1 / 0`.execute(one).catch(ignored);
          }),
      );
      await as('globex', () =>
        orm.em
          .getKysely()
          .connection()
          .execute(async (one) => {
            sql`begin isolation level serializable`.execute(one).catch(ignored);
          }),
      );
      const [row] = await as('acme', () =>
        orm.em.fork().execute<{ id: number }[]>("insert into widget (name) values ('acme kept') returning id"),
      );
      expect(
        await as('acme', () => orm.em.fork().execute('select 1 from widget where id = ?', [row?.id])),
      ).toHaveLength(1);
    }
    await orm.close();
  });

  it('is kept after a failed statement, and after none', async () => {
    const first = await pool.connect();
    const pid = pidOf(first);
    first.release();
    const second = await pool.connect();
    await expect(as('acme', () => second.query('select 1 / 0'))).rejects.toThrow('division');
    second.release();
    const third = await pool.connect();
    expect(pidOf(third)).toBe(pid);
    third.release();
  });

  it('without the wall: a plain pool hands on what is in the middle of something, and a write is lost', async () => {
    const plain = await plainPool(shop);
    const first = await plain.connect();
    await first.query('set role acme_shop; set search_path to acme_shop');
    const failing = [first.query('begin'), first.query('select 1').catch(ignored)];
    await failing[0];
    first.release();
    const next = await plain.connect();
    await next.query(insert);
    await next.query('rollback');
    next.release(true);
    await plain.end();
    expect(await widgetNames(shop, 'acme')).toEqual(['acme widget']);
  });
});

describe('a transaction that nobody goes on with', () => {
  it.each([
    ['that was begun and no more', ['begin']],
    ['that has had a statement', ['begin', 'select 1']],
  ])('gives its connection back after the idle limit: %s', async (_, statements) => {
    const client = await pool.connect();
    await as('acme', async () => {
      for (const statement of statements) await client.query(statement);
    });
    // The pool has one connection, and its holder never releases it.
    const { rows } = await as('globex', () => pool.query('select name from widget'));
    expect(rows).toEqual([{ name: 'globex widget' }]);
    await expect(as('acme', () => client.query(insert))).rejects.toThrow();
    client.release();
  });
});

describe('a stream that nobody goes on with', () => {
  it.each<[string, (client: pg.PoolClient) => Promise<unknown>]>([
    ['a cursor that was opened', async (client) => client.query(new Cursor('select 1'))],
    ['a cursor that was read from', (client) => client.query(new Cursor('select generate_series(1, 10)')).read(2)],
    [
      'COPY without data',
      async (client) => (client.query(copyFrom('copy widget from stdin')) as Writable).on('error', ignored),
    ],
    [
      'COPY that nobody reads',
      async (client) =>
        client
          .query(copyTo('copy (select repeat(md5(n::text), 1000) from generate_series(1, 10000) n) to stdout'))
          .on('error', ignored)
          .read(0),
    ],
  ])('gives its connection back after the idle limit: %s', async (_, open) => {
    const client = await pool.connect();
    await as('acme', async () => void (await open(client)));
    const { rows } = await as('globex', () => pool.query('select name from widget'));
    expect(rows).toEqual([{ name: 'globex widget' }]);
    client.release();
  });
});

describe('a connection that PostgreSQL ends', () => {
  const kill = async (pid: number) => {
    await shop.database.admin.query('select pg_terminate_backend($1, 5000)', [pid]);
  };

  it('is replaced for a statement that met its end, which nobody notices', async () => {
    for (const statements of [
      ['select name from widget limit 1', 'commit'],
      ['begin', 'select name from widget limit 1', 'commit'],
    ]) {
      const client = await pool.connect();
      const pid = pidOf(client);
      const answers = as('acme', async () => {
        // Its end arrives while the statement is sent: nothing of it was read yet.
        const { stream } = (client as unknown as { connection: { stream: NodeJS.ReadStream } }).connection;
        stream.pause();
        await kill(pid);
        const sent = statements.slice(0, -1).map((statement) => client.query(statement));
        stream.resume();
        const results = await Promise.all(sent);
        results.push(await client.query(statements.at(-1) ?? ''));
        return results.flatMap(({ rows }) => rows as object[]);
      });
      expect(await answers).toEqual([{ name: 'acme widget' }]);
      expect(pidOf(client)).not.toBe(pid);
      client.release();
    }
  });

  it('does not run anything twice that may have run', async () => {
    const client = await pool.connect();
    const sleeping = as('acme', () => client.query('select pg_sleep(10)'));
    sleeping.catch(ignored);
    const { admin } = shop.database;
    await until(
      'it runs',
      async () =>
        (
          await admin.query(
            "select 1 from pg_stat_activity where query like '%pg_sleep(10)%' and pid <> pg_backend_pid() and datname = current_database()",
          )
        ).rowCount === 1,
    );
    await kill(pidOf(client));
    await expect(sleeping).rejects.toMatchObject({ code: '57P01' });
    client.release();
  });

  it('in the middle of a transaction is told to whoever is in it, and not repeated', async () => {
    const client = await pool.connect();
    await as('acme', async () => {
      await client.query('begin');
      await client.query(insert);
      await kill(pidOf(client));
      await expect(client.query(insert)).rejects.toThrow();
    });
    client.release();
    expect(await widgetNames(shop, 'acme')).toEqual(['acme widget']);
  });
});

describe('a cursor whose connection ends', () => {
  it('is closed, and its reader hears of it', async () => {
    const client = await pool.connect();
    const cursor = await as('acme', async () => client.query(new Cursor('select generate_series(1, 1000)')));
    expect(await cursor.read(2)).toHaveLength(2);
    await shop.database.admin.query('select pg_terminate_backend($1, 5000)', [pidOf(client)]);
    await expect(cursor.read(2)).rejects.toThrow();
    await cursor.close();
    client.release();
  });
});

it('keeps the time that one statement gives itself', async () => {
  const client = await pool.connect();
  const slow = as('acme', () => client.query({ text: 'select pg_sleep(0.5)', query_timeout: 30 } as pg.QueryConfig));
  await expect(slow).rejects.toThrow('Query read timeout');
  client.release();
});

it('runs what is handed over with pipeline: true one after another, each in its scope', async () => {
  const pipelined = await scopedPool(shop, { pipeline: true });
  const client = await pipelined.connect();
  const texts = ['begin', insert, 'rollback', 'select count(*)::int as count from widget'];
  const results = await as('acme', () => Promise.all(texts.map((text) => client.query(text))));
  expect(results.at(-1)?.rows).toEqual([{ count: 1 }]);
  client.release();
  await pipelined.end();
});

it('has one connection for each that waits its turn, and none for nobody', async () => {
  await Promise.all(Array.from({ length: 20 }, () => as('acme', () => pool.query('select 1'))));
  await sleep(0);
  expect(pool.totalCount).toBe(1);
});
