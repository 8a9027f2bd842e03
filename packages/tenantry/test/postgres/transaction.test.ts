import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { inOwnTransaction, inTransaction, onConnection, opening } from '../../src/postgres/transaction.js';

let database: TestDatabase;
let pool: pg.Pool;
beforeAll(async () => {
  database = await createTestDatabase();
  await database.admin.query('create table public.note (text text)');
  pool = new pg.Pool({ connectionString: database.url, max: 1, query_timeout: 500 });
  pool.on('error', () => undefined);
});
beforeEach(async () => {
  await database.admin.query('truncate public.note');
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const note = "insert into public.note values ('kept')";
const notes = async () => (await database.admin.query('select from public.note')).rowCount;
const backend = async () => (await pool.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid;
const failed = new Error('the code failed');
const fail = () => Promise.reject(failed);

/** Both forms: on a connection that the caller has, and on a borrowed one. */
const forms = {
  inTransaction: async (fn: (client: pg.ClientBase) => Promise<unknown>, end?: 'rollback') => {
    const client = await pool.connect();
    return inTransaction(client, opening(), () => fn(client), end).finally(() => client.release());
  },
  inOwnTransaction: (fn: (client: pg.ClientBase) => Promise<unknown>, end?: 'rollback') =>
    inOwnTransaction(pool, opening(), fn, { end: end ?? 'commit' }),
};

describe.each(Object.entries(forms))('%s', (_, transact) => {
  it('keeps what the code did, and answers what it answered', async () => {
    expect(await transact(async (client) => (await client.query(note)).rowCount)).toBe(1);
    expect(await notes()).toBe(1);
  });

  it('keeps nothing when the code fails, throws its error, and lends the same connection to the next one', async () => {
    const before = await backend();
    const failing = transact(async (client) => {
      await client.query(note);
      return fail();
    });
    await expect(failing).rejects.toBe(failed);
    expect(await notes()).toBe(0);
    expect(await backend()).toBe(before);
    expect((await pool.query('select pg_current_xact_id_if_assigned() as open')).rows).toEqual([{ open: null }]);
  });

  it('keeps nothing of what was to be rolled back', async () => {
    expect(await transact(async (client) => (await client.query(note)).rowCount, 'rollback')).toBe(1);
    expect(await notes()).toBe(0);
  });
});

describe('a connection that code borrowed', () => {
  it('has no transaction open any more after a failure', async () => {
    const failing = onConnection(pool, async (client) => {
      await client.query('begin');
      await client.query(note);
      return fail();
    });
    await expect(failing).rejects.toBe(failed);
    await pool.query(note);
    expect(await notes()).toBe(1);
  });

  it('is replaced when it cannot even be rolled back', async () => {
    const before = await backend();
    const afterFailure: string[] = [];
    const failing = onConnection(
      pool,
      async (client) => {
        // The rollback waits behind it, longer than this pool waits for any answer.
        void client.query({ text: 'select pg_sleep(2)' }).catch(() => undefined);
        return fail();
      },
      { afterFailure: async () => void afterFailure.push('called') },
    );
    await expect(failing).rejects.toBe(failed);
    expect(pool.totalCount).toBe(0);
    expect(afterFailure).toEqual([]);
    expect(await backend()).not.toBe(before);
  });

  it('is replaced when it is spent', async () => {
    const before = await backend();
    await onConnection(pool, (client) => client.query('select'), { spent: true });
    expect(await backend()).not.toBe(before);
  });

  it('can still be asked after a failure, outside the failed transaction', async () => {
    let seen: unknown;
    const failing = inOwnTransaction(pool, opening(), (client) => client.query('select 1 / 0'), {
      afterFailure: async (client, error) => {
        seen = [(error as Error).message, (await client.query('select 1 as one')).rows];
      },
    });
    await expect(failing).rejects.toThrow('division by zero');
    expect(seen).toEqual(['division by zero', [{ one: 1 }]]);
  });
});

it('sets what the transaction is set to, until it ends', async () => {
  const show = `select current_setting('transaction_isolation') as isolation, current_setting('transaction_read_only') as "readOnly",
                       current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock`;
  const open = opening({ isolation: 'repeatable read read only', statementTimeoutMs: 7000, lockTimeoutMs: 3000 });
  const { rows } = await inOwnTransaction(pool, open, (client) => client.query(show));
  expect(rows).toEqual([{ isolation: 'repeatable read', readOnly: 'on', statement: '7s', lock: '3s' }]);
  expect((await pool.query(show)).rows).toEqual([
    { isolation: 'read committed', readOnly: 'off', statement: '0', lock: '0' },
  ]);
});

it('is read committed, whatever the database’s default is', async () => {
  await pool.query("set default_transaction_isolation to 'serializable'");
  const { rows } = await inOwnTransaction(pool, opening(), (client) => client.query('show transaction_isolation'));
  expect(rows).toEqual([{ transaction_isolation: 'read committed' }]);
  await pool.query('reset default_transaction_isolation');
});
