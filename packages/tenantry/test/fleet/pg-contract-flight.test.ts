import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { type FlightError, readFlight, sendFlight } from '../../src/postgres/flight.js';
import { record } from '../isolation/support/wire.js';

/**
 * What a flight takes for granted of `pg` and nobody promised. When a test of this file fails after an update, read
 * `postgres/flight.ts` against the new `pg`, and change it, before the sentence here.
 */
const wire = ['parse', 'bind', 'describe', 'execute', 'sync', 'flush', 'query'];

let database: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  database = await createTestDatabase();
  await database.admin.query('create table public.spot (id int primary key, names text[])');
});
beforeEach(async () => {
  // As the owner's pool makes them.
  client = new pg.Client({ connectionString: database.url, pipeline: true });
  await client.connect();
});
afterEach(async () => {
  await client.end();
  await database.admin.query('truncate public.spot');
});
afterAll(() => database.drop());

const flight = (...texts: string[]) =>
  sendFlight(
    client,
    texts.map((text) => ({ text })),
  );
const failing = (...texts: string[]): Promise<FlightError & { code?: string }> =>
  flight(...texts).then(
    () => {
      throw new Error('It went through.');
    },
    (error: FlightError) => error,
  );

describe('what a flight sends', () => {
  it('is each statement as messages of its own, one Sync, and all of it in one piece', async () => {
    const calls: string[] = [];
    let corked = 0;
    record(calls, client.connection, wire, (name) => {
      corked = client.connection.stream.writableCorked;
      return name;
    });
    const done = flight('select 1', 'select 2');
    const each = ['parse', 'bind', 'execute'];
    expect(calls, 'pg no longer lets prepare() send what it wants').toEqual([...each, ...each, 'sync']);
    expect(corked, 'pg no longer corks its socket around prepare(): every message would be a packet').toBe(1);
    await done;
  });

  it('is one transaction where none was begun, and what was begun and committed in it otherwise', async () => {
    await failing('insert into spot values (1)', 'select 1 / 0');
    expect((await client.query('select * from spot')).rows, 'A statement before the failure stayed').toEqual([]);
    await flight('begin', 'insert into spot values (1)', 'commit', 'begin', 'insert into spot values (2)', 'rollback');
    expect((await client.query('select id from spot')).rows).toEqual([{ id: 1 }]);
  });

  it('maps values by our own function: arrays, quotes and backslashes, null, numbers, booleans', async () => {
    const names = ['a"b', 'c\\d', '{e,f}', '', null, 'NULL'];
    await sendFlight(client, [
      {
        text: 'insert into spot select $2::int, $1::text[] where $3::bool and $4::text is null',
        values: [names, 7, true, null],
      },
    ]);
    expect((await client.query('select * from spot')).rows, 'pg no longer calls valueMapper').toEqual([
      { id: 7, names },
    ]);
  });
});

describe('what a flight answers', () => {
  it('is nothing: rows are left unread, for nobody described them', async () => {
    await flight('begin', 'select n from generate_series(1, 2) n', 'insert into spot values (1), (2), (3)', 'commit');
    expect((await client.query('select 3 as n')).rows, 'A row of the flight came to the next query').toEqual([
      { n: 3 },
    ]);
  });

  it('comes once, after all statements, and the next flight has its own', async () => {
    const order: string[] = [];
    const told = (name: string) => () => order.push(name);
    await Promise.all([
      flight('insert into spot values (1)', 'select pg_sleep(0.05)').then(told('first')),
      flight('insert into spot values (2)').then(told('second')),
    ]);
    expect(order).toEqual(['first', 'second']);
    expect((await client.query('select id from spot')).rows).toEqual([{ id: 1 }, { id: 2 }]);
  });
});

describe('what a flight answers that is read', () => {
  const read = (...texts: string[]) =>
    readFlight(
      client,
      texts.map((text) => ({ text })),
    );

  it('is one result for each statement, in order: rows, counts, and those that have neither', async () => {
    const results = await read(
      'begin',
      'select n from generate_series(1, 2) n',
      'insert into spot values (1), (2), (3)',
      "select set_config('search_path', '', true)",
      'commit',
    );
    const seen = results.map(({ command, rowCount, rows }) => ({ command, rowCount, rows: rows.length }));
    expect(seen, 'pg collects the results of several statements otherwise').toEqual([
      { command: 'BEGIN', rowCount: null, rows: 0 },
      { command: 'SELECT', rowCount: 2, rows: 2 },
      { command: 'INSERT', rowCount: 3, rows: 0 },
      { command: 'SELECT', rowCount: 1, rows: 1 },
      { command: 'COMMIT', rowCount: null, rows: 0 },
    ]);
  });

  it('is a list also for one statement', async () => {
    expect((await read('select 1 as one')).map(({ rows }) => rows)).toEqual([[{ one: 1 }]]);
  });
});

describe('a flight that fails', () => {
  it.each([
    [0, ['select 1 / 0', 'select 1']],
    [1, ['select 1', 'select no_such_column']],
    [2, ['begin', 'select 1', 'insert into spot values (1), (1)', 'commit']],
  ])('says that statement %i failed, whether in its text or as it runs', async (index, texts) => {
    const { statementIndex } = await failing(...texts);
    expect(statementIndex, 'pg calls handleCommandComplete() or handleError() otherwise').toBe(index);
  });

  it('counts a statement without rows, and one that changes nothing', async () => {
    const error = await failing(
      "set local work_mem to '8MB'",
      'delete from spot',
      'select 1 where false',
      'select 1 / 0',
    );
    expect(error.statementIndex).toBe(3);
  });

  it('runs nothing after it, although all was sent', async () => {
    await failing('begin', 'select 1 / 0', 'commit', 'insert into spot values (5)');
    await client.query('rollback');
    expect((await client.query('select * from spot')).rows, 'PostgreSQL no longer skips up to Sync').toEqual([]);
  });

  it('leaves a connection that goes on: the rollback, and another flight', async () => {
    await failing('begin', 'select 1 / 0', 'commit');
    await client.query('rollback');
    await flight('insert into spot values (7)');
    expect((await client.query('select id from spot')).rows).toEqual([{ id: 7 }]);
  });

  it('is told when the connection is lost in the middle', async () => {
    const lost = new pg.Client({ connectionString: database.url, pipeline: true });
    lost.on('error', () => undefined);
    await lost.connect();
    const dying = sendFlight(lost, [{ text: 'select 1' }, { text: 'select pg_terminate_backend(pg_backend_pid())' }]);
    await expect(dying, 'A lost flight would never be told').rejects.toMatchObject({
      message: expect.stringMatching(/terminat/) as string,
    });
    await lost.end().catch(() => undefined);
  });
});
