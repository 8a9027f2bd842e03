import { createRequire } from 'node:module';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import library from '../../package.json' with { type: 'json' };
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { goFirst, type OpenClient, record, statement, submit } from './support/wire.js';

/**
 * What the gate takes for granted of `pg` and nobody promised. When a test of this file fails after an update, read
 * `pg-internals.ts`, `wire.ts`, `entry.ts`, `gated-query.ts`, `scoped-client.ts` and `scoped-pool.ts` against the new `pg`, and
 * change them, before the sentence here.
 */
const wire = ['parse', 'bind', 'describe', 'execute', 'sync', 'flush', 'close', 'query'];
const answers = [
  'handleRowDescription',
  'handleDataRow',
  'handleCommandComplete',
  'handleError',
  'handleReadyForQuery',
  'handleEmptyQuery',
  'handlePortalSuspended',
];

let database: TestDatabase;
let client: OpenClient;
beforeAll(async () => {
  database = await createTestDatabase();
});
beforeEach(async () => {
  client = new pg.Client({ connectionString: database.url }) as OpenClient;
  await client.connect();
});
afterEach(() => client.end());
afterAll(() => database.drop());

/** What `pg` lacks of what the gate uses, as sentences. */
function lacks(what: string, object: object, kinds: Readonly<Record<string, string>>): string[] {
  return Object.entries(kinds).flatMap(([name, kind]) => {
    const value = (object as Record<string, unknown>)[name];
    const found = value === null ? 'null' : typeof value;
    return found === kind ? [] : [`pg's ${what} should have "${name}" (${kind}), and it is ${found}`];
  });
}
const methods = (...names: string[]) => Object.fromEntries(names.map((name) => [name, 'function']));

describe('the version of pg', () => {
  it('is pinned exactly, installed, and the one that the gate was written for', () => {
    const installed = (createRequire(import.meta.url)('pg/package.json') as { version: string }).version;
    const pinned = library.dependencies.pg;
    expect(pinned, `"pg" is pinned as ${pinned}: a range would let another Query in unread`).toMatch(/^\d+\.\d+\.\d+$/);
    expect(installed, `pg ${installed} is installed and ${pinned} is pinned`).toBe(pinned);
    expect(installed, 'The gate was written for pg 8.23: this file says what to read again').toMatch(/^8\.23\./);
  });

  it('has every name that the gate uses', () => {
    const { query } = statement('select 1');
    const fresh = new pg.Client();
    expect([
      ...lacks('Query', query, methods('submit', 'prepare', ...answers)),
      ...lacks('Query', query, { text: 'string', callback: 'function', name: 'undefined' }),
      ...lacks('Client', fresh, {
        connection: 'object',
        _txStatus: 'null',
        _queryable: 'boolean',
        pipeline: 'boolean',
      }),
      ...lacks('Client', fresh, methods('query', 'connect', 'end')),
      ...lacks('Connection', client.connection, methods(...wire, 'on')),
      ...lacks('Pool', new pg.Pool(), methods('connect', 'query', 'on')),
    ]).toEqual([]);
  });

  it('without one of them is told by name', () => {
    expect(lacks('Client', {}, { _txStatus: 'null', query: 'function' })).toEqual([
      'pg\'s Client should have "_txStatus" (null), and it is undefined',
      'pg\'s Client should have "query" (function), and it is undefined',
    ]);
  });
});

describe('what a statement sends', () => {
  it('is Parse, Bind, Describe, Execute and one Sync, all from within prepare(), in one piece', async () => {
    const calls: string[] = [];
    const sent = statement('select 1');
    let corked = 0;
    record(calls, sent.query, ['submit', 'prepare'], (name, [connection]) => {
      corked = client.connection.stream.writableCorked;
      return connection === client.connection ? `${name}(connection)` : name;
    });
    record(calls, client.connection, wire);
    const done = submit(client, sent);
    const all = ['submit(connection)', 'prepare(connection)', 'parse', 'bind', 'describe', 'execute', 'sync'];
    expect(calls, 'What prepare() sends first would not share the statement’s flight and transaction').toEqual(all);
    expect(corked, 'pg no longer corks its socket around prepare(): the preamble would cost a packet').toBe(1);
    await done;
    expect(calls, 'pg sends something after the answer').toEqual(all);
  });

  it('shares its transaction with what went before it, and nothing of that lasts longer', async () => {
    const sent = statement('show search_path');
    goFirst(sent, "select set_config('search_path', 'elsewhere', true)");
    const within = await submit(client, sent);
    expect(within.rows, 'The statement would run outside its scope').toEqual([{ search_path: 'elsewhere' }]);
    const after = await submit(client, statement('show search_path'));
    expect(after.rows, 'A scope would stay on its connection').toEqual([{ search_path: '"$user", public' }]);
  });

  it('is one statement, although it has no values', async () => {
    const outcome = await submit(client, statement('select 1; select 2')).catch(({ code }: { code: string }) => code);
    expect(outcome, 'queryMode "extended" is ignored: stacked statements would run').toBe('42601');
  });

  it('is prepared under no name once its name was taken away', async () => {
    const sent = statement({ text: 'select $1::int as n', name: 'ours', values: [7] });
    expect(sent.query.name, 'pg keeps the name of a statement elsewhere').toBe('ours');
    sent.query.name = undefined;
    expect((await submit(client, sent)).rows).toEqual([{ n: 7 }]);
    const { rows } = await client.query('select name from pg_prepared_statements');
    expect(rows, 'pg prepares by a name that was taken away').toEqual([]);
  });

  it('keeps what its caller asked for: values, row mode, type parsers', async () => {
    const types = { getTypeParser: () => (text: string) => `parsed ${text}` };
    const asArrays = await submit(client, statement({ text: 'select $1::text, 2', rowMode: 'array' }, ['a']));
    expect(asArrays.rows).toEqual([['a', 2]]);
    const parsed = await submit(client, statement({ text: 'select 1 as n', types }));
    expect(parsed.rows).toEqual([{ n: 'parsed 1' }]);
  });
});

describe('what a statement is told', () => {
  const told = (sent: ReturnType<typeof statement>) => {
    const calls: string[] = [];
    record(calls, sent.query, answers, (name, [message, connection]) => {
      const { text, code } = message as { text?: string; code?: string };
      const lost = name === 'handleCommandComplete' && connection !== client.connection && 'without its connection';
      return [name, text ?? code, lost].filter(Boolean).join(' ');
    });
    return calls;
  };

  it('is its rows, then its command tag, then that the server is ready', async () => {
    const sent = statement('select n from generate_series(1, 2) n');
    const calls = told(sent);
    expect((await submit(client, sent)).rows).toEqual([{ n: 1 }, { n: 2 }]);
    expect(calls).toEqual([
      'handleRowDescription',
      'handleDataRow',
      'handleDataRow',
      'handleCommandComplete SELECT 2',
      'handleReadyForQuery',
    ]);
  });

  it.each([
    ["insert into spot values ('x')", 'INSERT 0 1'],
    ['savepoint a', 'SAVEPOINT'],
    ['set local timezone to utc', 'SET'],
    ['rollback to savepoint a', 'ROLLBACK'],
  ])('is PostgreSQL’s own tag: %s', async (text, tag) => {
    for (const first of ['begin', 'create temporary table spot (name text)', 'savepoint a']) await client.query(first);
    const sent = statement(text);
    const calls = told(sent);
    await submit(client, sent);
    expect(calls).toEqual([`handleCommandComplete ${tag}`, 'handleReadyForQuery']);
  });

  it('is first the answer to what went before it, without a row description, and then its own', async () => {
    const sent = statement('select n as own from generate_series(1, 2) n');
    goFirst(sent, 'select 1 as first');
    const calls = told(sent);
    const { rows, rowCount, fields } = await submit(client, sent);
    expect(calls, 'The gate would take the preamble’s answer for the statement’s').toEqual([
      'handleDataRow',
      'handleCommandComplete SELECT 1',
      'handleRowDescription',
      'handleDataRow',
      'handleDataRow',
      'handleCommandComplete SELECT 2',
      'handleReadyForQuery',
    ]);
    expect({ rows, rowCount, fields: fields.map(({ name }) => name) }, 'What was swallowed left a trace').toEqual({
      rows: [{ own: 1 }, { own: 2 }],
      rowCount: 2,
      fields: ['own'],
    });
  });

  it('is one error and nothing else when what went before it fails, and it does not run', async () => {
    await client.query('create temporary table spot (name text)');
    const sent = statement("insert into spot values ('x')");
    goFirst(sent, 'select 1 / 0');
    const calls = told(sent);
    const outcome = await submit(client, sent).catch(({ code }: { code: string }) => code);
    expect(outcome, 'A statement ran although its scope was refused').toBe('22012');
    expect((await client.query('select * from spot')).rows).toEqual([]);
    expect(calls, 'handleError() is called otherwise: a refusal of the scope could look like success').toEqual([
      'handleError 22012',
    ]);
  });
});
