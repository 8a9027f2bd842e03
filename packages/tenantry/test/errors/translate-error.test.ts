import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, databaseUrl, type TestDatabase } from '../../../../test/support/database.js';
import { toProblem } from '../../src/http/to-problem.js';
import { translateError } from '../../src/postgres/translate-error.js';

let database: TestDatabase;
let version = 0;
beforeAll(async () => {
  database = await createTestDatabase();
  await database.admin.query(`
    create table item (id int primary key, n int not null check (n < 100));
    create table part (item int references item on delete restrict);
    insert into item select i, 0 from generate_series(1, 4) i; insert into part values (1)`);
  const { rows } = await database.admin.query<{ version: number }>(
    "select current_setting('server_version_num')::int as version",
  );
  version = rows[0]?.version ?? 0;
});
afterAll(() => database.drop());

/** Connections of their own; they are closed whatever happens. */
async function onConnections<T>(count: number, fn: (...clients: pg.Client[]) => Promise<T>, url = database.url) {
  const clients = Array.from({ length: count }, () => new pg.Client({ connectionString: url }));
  for (const client of clients) client.on('error', () => undefined);
  try {
    await Promise.all(clients.map((client) => client.connect()));
    return await fn(...clients);
  } finally {
    await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
  }
}

/** The first error of several statements that run at the same time. */
async function failing(...running: Promise<unknown>[]): Promise<unknown> {
  const outcomes = await Promise.allSettled(running);
  return outcomes.find((outcome) => outcome.status === 'rejected')?.reason;
}

const alone = (...texts: string[]) =>
  onConnections(1, async (client) => {
    for (const text of texts.slice(0, -1)) await client?.query(text);
    return failing(client?.query(texts.at(-1) ?? '') ?? Promise.resolve());
  });

const codeAndRemedy = (error: unknown) => {
  const { code, message } = translateError(error) ?? {};
  return [code, message];
};

describe('what may be tried again', () => {
  it('tells a deadlock as one, with Retry-After, and not as a constraint', async () => {
    const error = await onConnections(2, async (one, other) => {
      await one?.query('begin; update item set n = 1 where id = 1');
      await other?.query('begin; update item set n = 1 where id = 2');
      const waiting = one?.query('update item set n = 1 where id = 2');
      const meeting = other?.query('update item set n = 1 where id = 1');
      const met = await failing(...[waiting, meeting].filter((each) => each !== undefined));
      return met;
    });
    expect(codeAndRemedy(error)).toEqual([
      'TENANCY_DEADLOCK',
      expect.stringMatching(/deadlock detected.*Run it again/),
    ]);
    const { status, headers, body } = toProblem(error);
    expect([status, headers['retry-after'], body.code]).toEqual([503, '1', 'TENANCY_DEADLOCK']);
  });

  it('tells a serialization failure as one, with Retry-After', async () => {
    const error = await onConnections(2, async (one, other) => {
      await one?.query('begin isolation level repeatable read; select * from item');
      await other?.query('update item set n = n + 1 where id = 3');
      return failing(one?.query('update item set n = n + 1 where id = 3') ?? Promise.resolve());
    });
    expect(codeAndRemedy(error)).toEqual([
      'TENANCY_SERIALIZATION_FAILURE',
      expect.stringMatching(/could not serialize access.*Run it again/),
    ]);
    expect(toProblem(error)).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
  });
});

describe('what took too long', () => {
  it.each([
    ["set lock_timeout to '20ms'", 'update item set n = 2 where id = 4'],
    ['begin', 'select * from item where id = 4 for update nowait'],
  ])('names who holds the lock, and not statementTimeoutMs: %s', async (before, text) => {
    const error = await onConnections(2, async (holder, waiting) => {
      await holder?.query('begin; update item set n = 1 where id = 4');
      await waiting?.query(before);
      return failing(waiting?.query(text) ?? Promise.resolve());
    });
    expect(codeAndRemedy(error)).toEqual(['TENANCY_STATEMENT_TIMEOUT', expect.stringContaining('pg_blocking_pids()')]);
    expect(codeAndRemedy(error)[1]).not.toContain('statementTimeoutMs');
  });

  it('says which option limits a statement', async () => {
    const error = await alone("set statement_timeout to '20ms'", 'select pg_sleep(10)');
    expect(codeAndRemedy(error)).toEqual([
      'TENANCY_STATEMENT_TIMEOUT',
      expect.stringMatching(/due to statement timeout\. Raise `statementTimeoutMs`/),
    ]);
  });

  it('raises no limit where somebody cancelled the statement', async () => {
    const error = await onConnections(2, async (one, other) => {
      const { rows } = (await one?.query<{ pid: number }>('select pg_backend_pid() as pid')) ?? { rows: [] };
      const cancelled = failing(one?.query('select pg_sleep(10)') ?? Promise.resolve());
      for (let tries = 0; tries < 200; tries++) {
        const { rowCount } = (await other?.query(
          "select pg_cancel_backend(pid) from pg_stat_activity where pid = $1 and query like '%pg_sleep%' and state = 'active'",
          [rows[0]?.pid],
        )) ?? { rowCount: 0 };
        if (rowCount) break;
        await sleep(10);
      }
      return cancelled;
    });
    expect(codeAndRemedy(error)).toEqual(['TENANCY_STATEMENT_TIMEOUT', expect.stringContaining('pg_cancel_backend()')]);
    expect(codeAndRemedy(error)[1]).not.toMatch(/raise/i);
  });

  it('names both causes where the server speaks another language', () => {
    const error = Object.assign(new pg.DatabaseError('annulation de la requête', 1, 'error'), { code: '57014' });
    expect(codeAndRemedy(error)[1]).toMatch(/If it ran too long, raise `statementTimeoutMs`.*otherwise somebody/);
  });

  it('names the option of a transaction that waited for its next statement', async () => {
    const error = await ended("set idle_in_transaction_session_timeout to '20ms'; begin");
    expect(codeAndRemedy(error)).toEqual([
      'TENANCY_STATEMENT_TIMEOUT',
      expect.stringContaining('raise `idleTransactionTimeoutMs`'),
    ]);
  });

  it('names the setting that limits a whole transaction', async ({ skip }) => {
    if (version < 170_000) skip('transaction_timeout came with PostgreSQL 17');
    const error = await ended("set transaction_timeout to '20ms'; begin");
    expect(codeAndRemedy(error)).toEqual([
      'TENANCY_STATEMENT_TIMEOUT',
      expect.stringContaining('`transaction_timeout`'),
    ]);
  });
});

/** What PostgreSQL says when it ends a connection by itself. */
function ended(before: string): Promise<unknown> {
  return onConnections(1, async (client) => {
    const said = new Promise((resolve) => client?.on('error', resolve));
    await client?.query(before);
    return said;
  });
}

describe('when the database cannot be used', () => {
  const unavailable = (error: unknown, remedy: RegExp) => {
    expect(codeAndRemedy(error)).toEqual(['TENANCY_DATABASE_UNAVAILABLE', expect.stringMatching(remedy)]);
    expect(toProblem(error)).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
  };

  it('tells an idle connection that the server ended, with the setting', async () => {
    unavailable(await ended("set idle_session_timeout to '20ms'"), /set idle_session_timeout to 0 for the role/);
  });

  it('tells a connection that somebody terminated', async () => {
    const error = await onConnections(2, async (one, other) => {
      const { rows } = (await one?.query<{ pid: number }>('select pg_backend_pid() as pid')) ?? { rows: [] };
      const said = new Promise((resolve) => one?.on('error', resolve));
      await other?.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
      return said;
    });
    unavailable(error, /pg_terminate_backend\(\)/);
  });

  it('tells a server that takes no writes, and to look for the primary', async () => {
    unavailable(
      await alone('set default_transaction_read_only to on', 'insert into item values (9, 9)'),
      /read-only transaction\. If DATABASE_URL leads to a standby/,
    );
  });

  it.each([
    ['a database that is not there', (url: URL) => Object.assign(url, { pathname: '/tenantry_no_such' })],
    ['a login that is not there', (url: URL) => Object.assign(url, { username: 'tenantry_no_such' })],
  ])('names the URL of %s', async (_, change) => {
    const url = change(new URL(database.url)).href;
    unavailable(
      await failing(onConnections(1, async () => undefined, url)),
      /^PostgreSQL cannot be used: .+DATABASE_URL/,
    );
  });

  it('tells a role that may not connect to the database from one that lacks a grant inside', async () => {
    const role = `${database.name}_outside`;
    await database.admin.query(
      `create role ${role} login password 'x'; revoke connect on database ${database.name} from public`,
    );
    const url = Object.assign(new URL(database.url), { username: role, password: 'x' }).href;
    const error = await failing(onConnections(1, async () => undefined, url));
    await database.admin.query(`drop role ${role}; grant connect on database ${database.name} to public`);
    unavailable(error, /permission denied for database .+ its rights/);
  });

  it('tells a role that has all the connections it may have', async () => {
    const role = `${database.name}_few`;
    await database.admin.query(`create role ${role} login password 'x' connection limit 0`);
    const url = Object.assign(new URL(database.url), { username: role, password: 'x' }).href;
    const error = await failing(onConnections(1, async () => undefined, url));
    await database.admin.query(`drop role ${role}`);
    unavailable(error, /lower `connections`/);
  });

  it('tells what a pooler before PostgreSQL refuses, and any other last word of a connection', () => {
    // As PgBouncer says it; the same code is an ordinary mistake where PostgreSQL goes on.
    const pooler = Object.assign(new pg.DatabaseError('no such database: nowhere', 1, 'error'), { code: '08P01' });
    unavailable(Object.assign(pooler, { severity: 'FATAL' }), /no such database: nowhere\. .*DATABASE_URL names/);
    const other = Object.assign(new pg.DatabaseError('out of memory', 1, 'error'), { code: '53200' });
    expect(translateError(other)).toBeUndefined();
    unavailable(Object.assign(other, { severity: 'FATAL' }), /out of memory/);
  });

  it('knows a refused connection in any language of the server', () => {
    const error = Object.assign(new pg.DatabaseError('nicht da', 1, 'error'), {
      severity: 'ΜΟΙΡΑΙΟ',
      file: 'postinit.c',
    });
    unavailable(Object.assign(error, { code: '3D000' }), /DATABASE_URL names/);
  });
});

describe('what a statement did wrong', () => {
  it.each([
    ['a key that is there', 'insert into item values (1, 1)'],
    ['a row that others need', 'delete from item where id = 1'],
    ['a row that is missing', 'insert into part values (99)'],
  ])('is a conflict, without Retry-After: %s', async (_, text) => {
    const error = await alone(text);
    expect(toProblem(error)).toMatchObject({ status: 409, body: { code: 'TENANCY_CONFLICT' } });
    expect(toProblem(error).headers).not.toHaveProperty('retry-after');
  });

  it.each([
    ['a name of a database in a function', "select has_database_privilege('tenantry_no_such', 'connect')", []],
    ['a number of parameters', 'select $1::int', [1, 2]],
  ])('is not taken for a server that is away: %s', async (_, text, values) => {
    const error = await onConnections(1, (client) => failing(client?.query(text, values) ?? Promise.resolve()));
    expect(error).toBeInstanceOf(pg.DatabaseError);
    expect(translateError(error)).toBeUndefined();
    expect(toProblem(error)).toMatchObject({ status: 500, body: { code: 'HTTP_INTERNAL_SERVER_ERROR' } });
  });
});

it('names the URL that the connection was made with', async () => {
  const url = databaseUrl(database.url, 'tenantry_no_such');
  const error = await failing(onConnections(1, async () => undefined, url));
  expect(translateError(error, { variable: 'DATABASE_OWNER_URL' })?.message).toMatch(/DATABASE_OWNER_URL names\.$/);
});
