import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../../test/support/database.js';
import type { FrontendMessage } from './frontend-message.js';
import { askModel, askPostgres } from './both-servers.js';

const texts = [
  'begin',
  'begin isolation level serializable',
  'commit',
  'commit and chain',
  'rollback',
  'savepoint s',
  'rollback to s',
  'set local a.b = 1',
  'set transaction isolation level serializable',
  'select 1',
  'select 1/id from one',
  'insert into t values (1)',
  'copy t from stdin',
  'copy one to stdout',
  'declare c cursor for select 1',
  'fetch 5 from c',
  'prepare n as select 1',
  'deallocate all',
  '',
];

/** A statement as a simple query, and without its Sync as the extended protocol sends it. */
const statements = texts.flatMap((text): FrontendMessage[][] => [[{ kind: 'Q', text }], extended(text)]);

const others: FrontendMessage[][] = [
  [{ kind: 'S' }],
  [{ kind: 'H' }],
  [{ kind: 'c' }],
  [{ kind: 'f' }],
  [{ kind: 'P', name: 'n', text: 'select 1' }],
  [{ kind: 'B', portal: 'p', name: 'n', values: [] }],
  [{ kind: 'E', portal: 'p', rows: 1 }],
  [{ kind: 'C', of: 'P', name: 'p' }],
  [{ kind: 'C', of: 'S', name: 'n' }],
  [{ kind: 'D', of: 'S', name: 'n' }],
  [{ kind: 'Q', text: 'select 1; select 1/id from one; select 1' }],
  [{ kind: 'Q', text: 'begin; select 1; commit' }],
  [{ kind: 'P', name: '', text: 'select 1; select 2' }],
];

const moves = [...statements, ...others];

// The model stands for PostgreSQL in the runs beside this file, so it must not be kinder than PostgreSQL is.
describe('the scripted server answers as PostgreSQL does', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
    await database.admin.query('create table t (id int); create table one as select 0 as id');
  });
  afterAll(() => database.drop());

  it('to every pair of messages', async () => {
    const scripts = moves.flatMap((first) => moves.map((second) => [...first, ...second]));
    expect(await differences(database.url, scripts)).toEqual([]);
  });

  it('to longer runs', async () => {
    const run = fc.array(fc.constantFrom(...moves), { minLength: 3, maxLength: 6 });
    const scripts = fc.sample(run, { numRuns: 1500, seed: 8 }).map((parts) => parts.flat());
    expect(await differences(database.url, scripts)).toEqual([]);
  });
});

/** Plays scripts on both, each with an end that brings every state back to idle, and answers those that differ. */
async function differences(url: string, scripts: readonly FrontendMessage[][]): Promise<string[]> {
  const found: string[] = [];
  let client: pg.Client | undefined;
  const version = await versionOf(url);
  for (const script of scripts) {
    const whole = withSyncs([...script, { kind: 'f' }, { kind: 'S' }, { kind: 'Q', text: 'rollback' }]);
    client ??= await connect(url);
    const real = await askPostgres(client, whole);
    const model = askModel(whole, version);
    if (!agree(real, model)) found.push(`${inShort(script)}: ${real.join(', ')} but ${model.join(', ')}`);
    const after = real.includes('gone') ? real : await askPostgres(client, [{ kind: 'Q', text: 'deallocate all' }]);
    if (after.includes('gone')) client = undefined;
    if (found.length >= 40) break;
  }
  await client?.end();
  return found;
}

/** `pg` never begins a simple query in the middle of an extended one; what PostgreSQL then says of the transaction is its own affair. */
function withSyncs(script: readonly FrontendMessage[]): FrontendMessage[] {
  return script.flatMap((message, at) => {
    const before = script.slice(0, at).findLast(({ kind }) => !['c', 'f', 'H'].includes(kind))?.kind ?? 'S';
    return message.kind === 'Q' && !['S', 'Q'].includes(before) ? [{ kind: 'S' }, message] : [message];
  });
}

/** The last words of a server that hangs up do not always arrive. */
function agree(real: readonly string[], model: readonly string[]): boolean {
  if (real.at(-1) !== 'gone' || model.at(-1) !== 'gone') return real.join() === model.join();
  return real.slice(0, -1).every((answer, at) => answer === model[at]);
}

async function versionOf(url: string): Promise<number> {
  const client = await connect(url);
  const { rows } = await client.query<{ version: number }>(
    "select current_setting('server_version_num')::int / 10000 as version",
  );
  await client.end();
  return rows[0]?.version ?? 0;
}

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

function inShort(script: readonly FrontendMessage[]): string {
  return script.map((message) => Object.values(message).join(' ').trim()).join(' | ');
}

function extended(text: string): FrontendMessage[] {
  return [
    { kind: 'P', name: '', text },
    { kind: 'B', portal: '', name: '', values: [] },
    { kind: 'D', of: 'P', name: '' },
    { kind: 'E', portal: '', rows: 0 },
  ];
}
