import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../../test/support/database.js';
import type { OperationDefinition, OperationStep } from '../../../src/lifecycle/operations/operation-step.js';
import { Operations } from '../../../src/lifecycle/operations/operations.js';

const limits = { lockTimeoutMs: 5000, statementTimeoutMs: 60_000 };
let database: TestDatabase;
let first: Process;
/** Goes on when the first has lost its lock. */
let second: Process;

/** What a process has of its own. */
interface Process {
  readonly owner: pg.Pool;
  readonly operations: Operations;
  /** Ends the connection that holds its locks, and waits until the process has heard of it. */
  loseLock(): Promise<void>;
}

function startProcess(name: string): Process {
  const owner = new pg.Pool({ connectionString: database.url, max: 4, pipeline: true, application_name: name });
  let heard = () => undefined as void;
  owner.on('error', () => undefined);
  owner.on('connect', (client) => client.on('error', () => heard()));
  return {
    owner,
    operations: new Operations(owner, limits),
    async loseLock() {
      const lost = new Promise<void>((resolve) => (heard = resolve));
      await database.admin.query(
        `select pg_terminate_backend(l.pid, 60000) from pg_locks l join pg_stat_activity a on a.pid = l.pid
          where l.locktype = 'advisory' and l.granted and a.datname = current_database() and a.application_name = $1`,
        [name],
      );
      await lost;
    },
  };
}

beforeAll(async () => {
  database = await createTestDatabase();
  first = startProcess('first');
  second = startProcess('second');
  await database.admin.query('create table trace (id int generated always as identity, what text)');
});
afterAll(async () => {
  await Promise.all([first.owner.end(), second.owner.end()]);
  await database.drop();
});
beforeEach(async () => {
  await database.admin.query('truncate trace; truncate tenantry.operation; truncate tenantry.event');
});

const trial = (...steps: OperationStep[]): OperationDefinition => ({ kind: 'trial', steps });
const run = ({ operations }: Process, definition: OperationDefinition) =>
  operations.run(definition, { tenant: 'acme', params: {} });
const write = (name: string, what = name): OperationStep => ({
  name,
  apply: async ({ client }) => void (await client.query('insert into trace (what) values ($1)', [what])),
});

async function traced(): Promise<string[]> {
  const { rows } = await database.admin.query<{ what: string }>('select what from trace order by id');
  return rows.map(({ what }) => what);
}
/** The events that tell how it went, of all processes. */
async function told(): Promise<string[]> {
  const { rows } = await database.admin.query<{ type: string }>('select type from tenantry.event order by id');
  return rows.map(({ type }) => type);
}

it('begins no other step when the connection that held its lock is gone', async () => {
  const losing = { name: 'one', apply: () => first.loseLock() };
  await expect(run(first, trial(losing, write('two')))).rejects.toMatchObject({ name: 'OperationMoved' });
  expect(await traced()).toEqual([]);
  expect(await second.operations.list()).toMatchObject([{ status: 'interrupted', done: ['one'], error: null }]);
  expect(await run(second, trial(losing, write('two')))).toMatchObject({ status: 'done', done: ['one', 'two'] });
});

it.each([true, false])(
  'does not say that an operation failed which another process went on with, where a step of its own fails (outside: %s)',
  async (outside) => {
    const [begun, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const theirs = {
      ...write('one', 'theirs'),
      outside,
      async apply(context: Parameters<OperationStep['apply']>[0]) {
        begun.resolve();
        await goOn.promise;
        await write('one', 'theirs').apply(context);
      },
    };
    let going: Promise<unknown> | undefined;
    const mine = {
      name: 'one',
      outside,
      async apply() {
        await first.loseLock();
        going = run(second, trial(theirs, write('two')));
        await begun.promise;
        throw new Error('no luck');
      },
    };
    await expect(run(first, trial(mine, write('two')))).rejects.toMatchObject({ name: 'OperationMoved' });
    expect(await first.operations.list()).toMatchObject([{ status: 'running', done: [], error: null }]);
    goOn.resolve();
    expect(await going).toMatchObject({ status: 'done', done: ['one', 'two'], error: null });
    expect(await traced()).toEqual(['theirs', 'two']);
    expect(await told()).toEqual(['operation.started', 'operation.step', 'operation.step', 'operation.done']);
  },
);

it('takes no other step back when the connection that held its lock is gone', async () => {
  const taken: string[] = [];
  const one = { ...write('one'), revert: async () => void taken.push('one') };
  const two: OperationStep = {
    ...write('two'),
    async revert() {
      taken.push('two');
      await first.loseLock();
    },
  };
  const fails = { name: 'three', apply: () => Promise.reject(new Error('no luck')), revert: async () => undefined };
  await expect(run(first, trial(one, two, fails))).rejects.toMatchObject({
    code: 'TENANCY_OPERATION_FAILED',
    message: expect.stringContaining('could not be taken back (Another process went on with operation') as string,
  });
  expect(taken).toEqual(['two']);
  expect(await second.operations.list()).toMatchObject([{ done: ['one'], error: 'no luck' }]);
});

it('knows nothing of what is done when PostgreSQL went away in a step: that is no failure, and the same command goes on', async () => {
  const cut: OperationStep = {
    name: 'two',
    apply: async ({ client }) => void (await client.query('select pg_terminate_backend(pg_backend_pid())')),
    revert: async () => undefined,
  };
  const one = { ...write('one'), revert: () => Promise.reject(new Error('It was taken back.')) };
  await expect(run(first, trial(one, cut))).rejects.toMatchObject({ code: 'TENANCY_DATABASE_UNAVAILABLE' });
  expect(await first.operations.list()).toMatchObject([{ status: 'interrupted', done: ['one'], error: null }]);
  expect(await run(first, trial(one, write('two')))).toMatchObject({ status: 'done' });
  expect(await traced()).toEqual(['one', 'two']);
  expect(await told()).not.toContain('operation.failed');
});

it('changes nothing any more once another process went on with its operation', async () => {
  const stolen: OperationStep = {
    name: 'one',
    outside: true,
    apply: async ({ operation }) =>
      void (await database.admin.query("update tenantry.operation set done = '{one}' where id = $1", [operation])),
  };
  await expect(run(first, trial(stolen, write('two')))).rejects.toMatchObject({ name: 'OperationMoved' });
  expect(await traced()).toEqual([]);
  // It is the other's, and did not fail there.
  const { rows } = await database.admin.query('select status, done, error from tenantry.operation');
  expect(rows).toEqual([{ status: 'running', done: ['one'], error: null }]);
  expect(await told()).toEqual(['operation.started']);
});

it('records no step when another process has begun to take its operation back', async () => {
  const turned: OperationStep = {
    name: 'one',
    async apply(context) {
      await write('one').apply(context);
      await database.admin.query("update tenantry.operation set status = 'reverting' where id = $1", [
        context.operation,
      ]);
    },
  };
  await expect(run(first, trial(turned, write('two')))).rejects.toMatchObject({ name: 'OperationMoved' });
  expect(await traced()).toEqual([]);
  const { rows } = await database.admin.query('select status, done from tenantry.operation');
  expect(rows).toEqual([{ status: 'reverting', done: [] }]);
});
