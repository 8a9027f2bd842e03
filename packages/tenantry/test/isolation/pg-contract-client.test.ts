import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { type OpenClient, record, type Sent, statement, submit } from './support/wire.js';

/** The other half of `pg-contract.test.ts`: what the gate takes for granted of `pg`'s clients and pools. */
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

/** Answers, when all are done, what the client knew of its transaction as each was submitted. */
async function statusAtSubmit(...sent: readonly Sent[]): Promise<(string | null)[]> {
  const statuses: (string | null)[] = [];
  for (const { query } of sent) record([], query, ['submit'], (name) => (statuses.push(client._txStatus), name));
  await Promise.allSettled(sent.map((one) => submit(client, one)));
  return statuses;
}

describe('a client', () => {
  it('has its connection from the constructor on, and its transaction status once it is connected', () => {
    const fresh = new pg.Client() as OpenClient;
    expect(fresh.connection, 'The gate listens to the connection from the constructor on').toBeDefined();
    expect(client._txStatus, 'ReadyForQuery of the start-up no longer sets the status').toBe('I');
  });

  it('submits a statement when the one before it was answered, and knows by then how its transaction stands', async () => {
    const texts = ['begin', 'select 1', 'select 1 / 0', 'select 1', 'rollback', 'select 1'];
    const statuses = await statusAtSubmit(...texts.map((text) => statement(text)));
    expect(statuses, 'The gate would judge a statement by an older state of its connection').toEqual([
      'I',
      'T',
      'T',
      'E',
      'E',
      'I',
    ]);
  });

  it('knows how its transaction stands when it calls back', async () => {
    const statuses: (string | null)[] = [];
    for (const text of ['begin', 'select 1', 'commit']) {
      const sent = statement(text);
      record([], sent.query, ['callback'], (name) => (statuses.push(client._txStatus), name));
      await submit(client, sent);
    }
    expect(statuses, 'A connection given back after commit would look as if it were in use').toEqual(['T', 'T', 'I']);
  });

  it('sends nothing for a statement whose submit() answers an error, and goes on in the same transaction', async () => {
    const calls: string[] = [];
    await submit(client, statement('begin'));
    record(calls, client.connection, ['parse', 'query', 'sync']);
    const refused = statement('select 1');
    refused.query.submit = () => new Error('refused');
    const [outcome, next] = await Promise.allSettled([
      submit(client, refused),
      submit(client, statement('select 2 as n')),
    ]);
    expect(outcome).toMatchObject({ status: 'rejected', reason: { message: 'refused' } });
    expect(calls, 'A refused statement was sent, or the client got stuck behind it').toEqual(['parse', 'sync']);
    expect(next).toMatchObject({ value: { rows: [{ n: 2 }] } });
    expect(client._txStatus).toBe('T');
  });

  it('keeps the callback of a statement that it is handed, and calls it once', async () => {
    const calls: string[] = [];
    const sent = statement('select 1 / 0');
    record(calls, sent.query, ['callback'], (_, [error]) => (error as Error).message);
    await expect(submit(client, sent)).rejects.toThrow('division by zero');
    await submit(client, statement('select 1'));
    expect(calls, 'A statement would be answered twice, or never').toEqual(['division by zero']);
  });

  it('tells its connection’s listeners of every Parse that succeeded, and of errors', async () => {
    const events: string[] = [];
    for (const event of ['parseComplete', 'errorMessage'] as const)
      client.connection.on(event, () => events.push(event));
    await submit(client, statement('select 1'));
    await expect(submit(client, statement('selec'))).rejects.toThrow('syntax error');
    // Parsed, and failing later: it stays prepared.
    await expect(submit(client, statement('select $1::int', ['x']))).rejects.toThrow('invalid input syntax');
    expect(events, 'The gate would prepare its preamble twice, or take it for prepared').toEqual([
      'parseComplete',
      'errorMessage',
      'parseComplete',
      'errorMessage',
    ]);
  });

  it('writes every message to its socket, with one method, also those that do not end a flight', async () => {
    const written: string[] = [];
    const { stream } = client.connection as unknown as { stream: { write(bytes: Uint8Array): boolean } };
    const write = stream.write.bind(stream);
    stream.write = (bytes) => {
      written.push(String.fromCharCode(bytes[0] ?? 0));
      return write(bytes);
    };
    await submit(client, statement({ text: 'select n from generate_series(1, 3) n', rows: 2 }));
    expect(written, 'What the gate does not see it cannot admit').toEqual(['P', 'B', 'D', 'E', 'H', 'E', 'H', 'S']);
  });

  it('tells a listener that came before it connected of an answer before it acts on that itself', async () => {
    const order: string[] = [];
    const fresh = new pg.Client({ connectionString: database.url }) as OpenClient;
    fresh.connection.on('readyForQuery', ({ status }) => order.push(`ready ${status}`));
    fresh.connection.on('parameterStatus', ({ parameterName }) => {
      if (parameterName === 'server_version') order.push(parameterName);
    });
    await fresh.connect();
    await submit(fresh, statement('begin')).then(() => order.push('answered'));
    await fresh.end();
    expect(order, 'The gate would decide by what it heard last time').toEqual([
      'server_version',
      'ready I',
      'ready T',
      'answered',
    ]);
  });

  it('takes what is put in front of its queue as the next, also from within an answer', async () => {
    const texts: string[] = [];
    const [first, second, between] = ['first', 'second', 'between'].map((text) => statement(`select '${text}'`));
    if (!first || !second || !between) throw new Error('Three were made.');
    for (const { query } of [first, second, between])
      record([], query, ['submit'], (name) => (texts.push(query.text), name));
    record([], first.query, ['callback'], (name) => (client._queryQueue.unshift(between.query), name));
    await Promise.all([submit(client, first), submit(client, second), between.done]);
    expect(texts, 'The transaction of a COPY would not be ended next').toEqual([
      "select 'first'",
      "select 'between'",
      "select 'second'",
    ]);
  });

  it('sends through _pulseQueryQueue() only, and asks its own `pipeline` there', async () => {
    const seen: unknown[] = [];
    class Pulsing extends (pg.Client as unknown as new (
      config: object,
    ) => pg.Client & { pipeline: boolean; _pulseQueryQueue(): void }) {
      override _pulseQueryQueue(): void {
        seen.push(this.pipeline);
        super._pulseQueryQueue();
      }
    }
    const pulsing = new Pulsing({ connectionString: database.url });
    await pulsing.connect();
    seen.length = 0;
    await pulsing.query('select 1');
    await pulsing.end();
    expect(seen, 'pipeline: true would send a statement before the one before it was answered').toEqual([false, false]);
  });

  it('pipelines nothing unless it was asked to', () => {
    const { pipeline } = client as unknown as { pipeline: unknown };
    expect(pipeline, 'Statements would be sent before the gate knows what became of the one before').toBe(false);
  });
});

describe('a pool', () => {
  class Ours extends pg.Client {
    static readonly made: Ours[] = [];
    readonly config: Record<string, unknown>;

    constructor(config: pg.ClientConfig) {
      super(config);
      this.config = config as Record<string, unknown>;
      Ours.made.push(this);
    }
  }
  // Not by the pools: a test that fails may have a client out.
  afterEach(() => Promise.all(Ours.made.splice(0).map((made) => made.end())));
  const open = (more: pg.PoolConfig = {}) =>
    new pg.Pool({ connectionString: database.url, max: 1, Client: Ours, gate: 'ours', ...more } as pg.PoolConfig);

  it('makes its clients from the class it was given, with all of its own options', async () => {
    const pool = open();
    await pool.query('select 1');
    const [made] = Ours.made;
    expect(made, 'The pool no longer takes a Client class: nothing would go through the gate').toBeInstanceOf(Ours);
    expect(made?.config['gate'], 'The pool hands only options on that it knows').toBe('ours');
  });

  it('asks listeners of "release" before it decides, and drops a client that is not queryable', async () => {
    const pool = open();
    pool.on('release', (_, released) => ((released as unknown as OpenClient)._queryable = false));
    const first = await pool.connect();
    first.release();
    const second = await pool.connect();
    expect(second, 'A connection that is in the middle of a transaction would be handed on').not.toBe(first);
  });

  it('hands a client on that is queryable', async () => {
    const pool = open();
    const first = await pool.connect();
    first.release();
    const second = await pool.connect();
    expect(second, 'Every statement would pay for a connection of its own').toBe(first);
  });

  it('borrows for its own query() through connect(callback), and asks the client’s own query()', async () => {
    const calls: string[] = [];
    const pool = open();
    pool.on('connect', (made) => record(calls, made, ['query']));
    record(calls, pool, ['connect'], (name, [callback]) => `${name}(${typeof callback})`);
    await pool.query('select 1');
    expect(calls, 'pool.query() would leave in the scope of whoever gave a connection back').toEqual([
      'connect(function)',
      'query',
    ]);
  });

  it('says in these words that no client became free', async () => {
    const pool = open();
    await pool.connect();
    // Only now: it bounds the first connect as well.
    pool.options.connectionTimeoutMillis = 20;
    const refused = await pool.connect().catch(({ message }: Error) => message);
    expect(refused, 'TENANCY_POOL_EXHAUSTED is told by these words').toBe('timeout exceeded when trying to connect');
  });
});
