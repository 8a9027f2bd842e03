import type { EntityManager } from '@mikro-orm/postgresql';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { translateError } from '../../src/postgres/translate-error.js';
import { stock } from './support/stock.js';

let shop: Shop;
/** What the pool has: 5 less the owner's 2 and the listening one. */
const poolSize = 2;
beforeAll(async () => {
  shop = await openShop({ connections: 5, statementTimeoutMs: 2000, idleTransactionTimeoutMs: 700 });
  await shop.signUp('acme', 'globex');
  await stock(shop, 'acme', 'globex');
});
afterAll(() => shop.close());

/** After each way to end early: the pool is whole, and its connections serve another tenant, with no trace of the first. */
afterEach(async () => {
  const { tenancy, orm } = shop;
  await expect.poll(() => tenancy.connections()).toMatchObject({ waiting: 0 });
  const looking = Array.from({ length: poolSize }, () =>
    tenancy.run('globex', () =>
      orm.em
        .fork()
        .execute(
          "select name, current_user::text as role, current_setting('statement_timeout') as limit from widget, pg_sleep(0.02)",
        ),
    ),
  );
  expect(await Promise.all(looking)).toEqual(
    looking.map(() => [{ name: 'globex widget', role: 'globex_shop', limit: '2s' }]),
  );
  await expect.poll(() => tenancy.connections()).toMatchObject({ total: poolSize, idle: poolSize });
});

const inAcme = <T>(fn: (em: EntityManager) => Promise<T>, options: Parameters<EntityManager['fork']>[0] = {}) =>
  shop.tenancy.run('acme', () => fn(shop.orm.em.fork(options)));
const abortSoon = () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error('left')), 100);
  return controller.signal;
};
const runningSleeps = async () => {
  const { rowCount } = await shop.database.admin.query(
    "select from pg_stat_activity where state = 'active' and query like 'select pg_sleep(60)%' and datname = current_database()",
  );
  return rowCount;
};

describe('an aborted request', () => {
  it('stops its statement on the server, where it says so', async () => {
    const options = { signal: abortSoon(), inflightQueryAbortStrategy: 'cancel query' } as const;
    await expect(inAcme((em) => em.execute('select pg_sleep(60)'), options)).rejects.toThrow('left');
    await expect.poll(runningSleeps).toBe(0);
  });

  it('stops its transaction on the server', async () => {
    const options = { signal: abortSoon(), inflightQueryAbortStrategy: 'cancel query' } as const;
    const writing = inAcme(
      (em) =>
        em.transactional(async (inner) => {
          await inner.execute("insert into widget (name) values ('undone')");
          await inner.execute('select pg_sleep(60)');
        }),
      options,
    );
    await expect(writing).rejects.toThrow('left');
    await expect.poll(runningSleeps).toBe(0);
    expect(await inAcme((em) => em.execute('select name from widget'))).toEqual([{ name: 'acme widget' }]);
  });

  it('ends its session, where it says so', async () => {
    const options = { signal: abortSoon(), inflightQueryAbortStrategy: 'kill session' } as const;
    await expect(inAcme((em) => em.execute('select pg_sleep(60)'), options)).rejects.toThrow('left');
    await expect.poll(runningSleeps).toBe(0);
  });

  it('keeps its connection until a statement that it left running has ended', async () => {
    await expect(inAcme((em) => em.execute('select pg_sleep(0.5)'), { signal: abortSoon() })).rejects.toThrow('left');
    await expect.poll(() => shop.tenancy.connections().idle).toBe(poolSize);
  });
});

describe('a statement that is stopped', () => {
  it('ends at its time limit', async () => {
    await expect(inAcme((em) => em.execute('select pg_sleep(60)'))).rejects.toMatchObject({ code: '57014' });
  });

  it('ends when an operator cancels it', async () => {
    const cancelled = inAcme(async (em) => {
      const running = em.execute('select pg_sleep(60)');
      // It may end before anybody awaits it.
      running.catch(() => undefined);
      await expect.poll(runningSleeps).toBe(1);
      const pids =
        "select pg_cancel_backend(pid) from pg_stat_activity where state = 'active' and query like 'select pg_sleep(60)%' and datname = current_database()";
      await shop.database.admin.query(pids);
      return running;
    });
    await expect(cancelled).rejects.toMatchObject({ code: '57014' });
  });

  it('ends with its whole transaction, when that waits too long for its next statement', async () => {
    const waiting = inAcme((em) =>
      em.transactional(async (inner) => {
        await inner.execute('select 1');
        await new Promise((resolve) => setTimeout(resolve, 1200));
        await inner.execute('select 1');
      }),
    );
    const error: unknown = await waiting.catch((reason: unknown) => reason);
    // Which of the two depends on whether PostgreSQL's last words are read before the next statement is sent.
    expect(['TENANCY_STATEMENT_TIMEOUT', 'TENANCY_DATABASE_UNAVAILABLE']).toContain(translateError(error)?.code);
  });

  it('ends with an error of its own, and a later one in the same transaction is refused', async () => {
    const failing = inAcme((em) =>
      em.transactional(async (inner) => {
        await expect(inner.execute('select 1 / 0')).rejects.toMatchObject({ code: '22012' });
        return inner.execute('select 1');
      }),
    );
    await expect(failing).rejects.toMatchObject({ code: '25P02' });
  });
});
