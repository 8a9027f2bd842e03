import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../../test/support/database.js';
import { keepAlive } from '../../../src/postgres/keep-alive.js';
import type { OperationEvent } from '../../../src/lifecycle/operations/operation-record.js';
import type { OperationDefinition, OperationStep } from '../../../src/lifecycle/operations/operation-step.js';
import { Operations } from '../../../src/lifecycle/operations/operations.js';

let database: TestDatabase;
let owner: pg.Pool;
let operations: Operations;

beforeAll(async () => {
  database = await createTestDatabase();
  owner = new pg.Pool({ connectionString: database.url, max: 4, pipeline: true, ...keepAlive });
  owner.on('error', () => undefined);
  operations = new Operations(owner, { lockTimeoutMs: 200, statementTimeoutMs: 10_000 });
  await database.admin.query('create table trace (id int generated always as identity, what text)');
});
afterAll(async () => {
  await owner.end();
  await database.drop();
});
beforeEach(async () => {
  await database.admin.query('truncate trace; truncate tenantry.operation; truncate tenantry.event');
});

const write = (step: string, more: Partial<OperationStep> = {}): OperationStep => ({
  name: step,
  apply: async ({ client }) => void (await client.query('insert into trace (what) values ($1)', [step])),
  ...more,
});
const erase =
  (step: string): NonNullable<OperationStep['revert']> =>
  async ({ client }) =>
    void (await client.query('delete from trace where what = $1', [step]));
const fails = (step: string, more: Partial<OperationStep> = {}): OperationStep => ({
  name: step,
  apply: () => Promise.reject(new Error('no luck')),
  ...more,
});

async function traced(): Promise<string[]> {
  const { rows } = await database.admin.query<{ what: string }>('select what from trace order by id');
  return rows.map(({ what }) => what);
}
async function told(): Promise<string[]> {
  const { rows } = await database.admin.query<{ told: string }>(
    `select type || coalesce(' ' || (data->>'step'), '') as told from tenantry.event order by id`,
  );
  return rows.map((row) => row.told);
}
const run = (definition: OperationDefinition, more: { params?: Record<string, string>; signal?: AbortSignal } = {}) =>
  operations.run(definition, { tenant: 'acme', params: {}, ...more });

it('applies the steps in order, records each, and tells of each by an event', async () => {
  const counting = write('two', {
    outside: true,
    apply: async ({ client, keep, progress }) => {
      await client.query("insert into trace (what) values ('two')");
      progress(1, 1);
      keep({ rows: 7 });
    },
  });
  const seen = write('three', {
    apply: async ({ client, facts }) =>
      void (await client.query('insert into trace (what) values ($1)', [`saw ${JSON.stringify(facts['rows'])}`])),
  });
  const record = await run({ kind: 'trial', steps: [write('one'), counting, seen] });
  expect(record).toMatchObject({
    kind: 'trial',
    tenant: 'acme',
    status: 'done',
    done: ['one', 'two', 'three'],
    facts: { rows: 7 },
    error: null,
    finishedAt: expect.any(Date) as Date,
  });
  expect(await traced()).toEqual(['one', 'two', 'saw 7']);
  expect(await told()).toEqual([
    'operation.started',
    'operation.step one',
    'operation.step two',
    'operation.step three',
    'operation.done',
  ]);
});

it('takes the steps back in reverse order when one fails and all of them can be taken back', async () => {
  const back: string[] = [];
  const takes =
    (name: string): NonNullable<OperationStep['revert']> =>
    async (context) => {
      back.push(name);
      await erase(name)(context);
    };
  const half = fails('three', {
    outside: true,
    apply: async ({ client }) => {
      await client.query("insert into trace (what) values ('three')");
      throw new Error('no luck');
    },
    revert: takes('three'),
  });
  const steps = [write('one', { revert: takes('one') }), write('two', { revert: takes('two') }), half];
  await expect(run({ kind: 'trial', steps })).rejects.toMatchObject({
    code: 'TENANCY_OPERATION_FAILED',
    message: expect.stringMatching(/step "three": no luck\. Everything was taken back/) as string,
  });
  expect(back).toEqual(['three', 'two', 'one']);
  expect(await traced()).toEqual([]);
  expect(await operations.list('acme')).toMatchObject([{ status: 'reverted', done: [], error: 'no luck' }]);
  expect(await told()).toEqual([
    'operation.started',
    'operation.step one',
    'operation.step two',
    'operation.failed three',
    'operation.step-reverted three',
    'operation.step-reverted two',
    'operation.step-reverted one',
    'operation.reverted',
  ]);
});

it('has nothing to take back when the first step fails in its transaction', async () => {
  await expect(run({ kind: 'trial', steps: [fails('one')] })).rejects.toMatchObject({
    code: 'TENANCY_OPERATION_FAILED',
  });
  expect(await operations.list()).toMatchObject([{ status: 'reverted' }]);
});

it('keeps what was done where a step cannot be taken back, and goes on there by the same command', async () => {
  const steps = [write('one'), fails('two')];
  await expect(run({ kind: 'trial', steps })).rejects.toMatchObject({
    message: expect.stringContaining('the same command goes on there') as string,
  });
  expect(await operations.list('acme')).toMatchObject([{ status: 'failed', done: ['one'], step: 'two' }]);
  await expect(run({ kind: 'other', steps: [write('x')] })).rejects.toMatchObject({ code: 'TENANCY_OPERATION_OPEN' });
  await expect(run({ kind: 'trial', steps }, { params: { to: 'elsewhere' } })).rejects.toMatchObject({
    code: 'TENANCY_OPERATION_OPEN',
  });
  expect(await run({ kind: 'trial', steps: [write('one'), write('two')] })).toMatchObject({
    status: 'done',
    error: null,
  });
  expect(await traced()).toEqual(['one', 'two']);
});

it('takes nothing back when the step that failed may have done a part that cannot be taken back', async () => {
  const steps = [write('one', { revert: erase('one') }), fails('two', { outside: true })];
  await expect(run({ kind: 'trial', steps })).rejects.toMatchObject({
    message: expect.stringContaining('the same command goes on there') as string,
  });
  expect(await operations.list('acme')).toMatchObject([{ status: 'failed', done: ['one'], step: 'two' }]);
  expect(await traced()).toEqual(['one']);
});

it('says of an operation that goes on after a failure that it runs, and which long step it is at', async () => {
  const steps = [write('one'), fails('two', { outside: true })];
  await expect(run({ kind: 'trial', steps })).rejects.toMatchObject({ code: 'TENANCY_OPERATION_FAILED' });
  const seen: unknown[] = [];
  const looks = write('two', { outside: true, apply: async () => void seen.push(...(await operations.list('acme'))) });
  await run({ kind: 'trial', steps: [write('one'), looks] });
  expect(seen).toMatchObject([{ status: 'running', step: 'two', done: ['one'], error: null }]);
});

it('treats a step whose effect cannot be seen as failed', async () => {
  const blind = write('one', { verify: async () => 'it is not there' });
  await expect(run({ kind: 'trial', steps: [blind] })).rejects.toMatchObject({
    message: expect.stringContaining('did not do what it should: it is not there') as string,
  });
  expect(await traced()).toEqual([]);
});

it('records nothing when the check refuses', async () => {
  const refused = { kind: 'trial', steps: [write('one')], check: () => Promise.reject(new Error('not this one')) };
  await expect(run(refused)).rejects.toThrow('not this one');
  expect(await operations.list()).toEqual([]);
});

it('works on a tenant in one process at a time, and tells the other', async () => {
  const second = new pg.Pool({ connectionString: database.url, max: 2 });
  const elsewhere = new Operations(second, { lockTimeoutMs: 200, statementTimeoutMs: 10_000 });
  const begun = vi.fn<() => void>();
  let goOn = () => undefined as void;
  const waiting = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const slow = { kind: 'trial', steps: [write('one', { apply: () => waiting })] };
  const onEvent = ({ type }: OperationEvent) => void (type === 'step' && begun());
  const first = operations.run(slow, { tenant: 'acme', params: {}, onEvent });
  await vi.waitFor(() => expect(begun).toHaveBeenCalled());
  const other = { kind: 'trial', steps: [write('two')] };
  await expect(elsewhere.run(other, { tenant: 'acme', params: {} })).rejects.toMatchObject({
    code: 'TENANCY_TENANT_BUSY',
  });
  // One that names it as another tenant that changes too.
  const clone = { ...other, others: () => ['acme'] };
  await expect(elsewhere.run(clone, { tenant: 'globex', params: {} })).rejects.toMatchObject({
    code: 'TENANCY_TENANT_BUSY',
  });
  expect(await elsewhere.list('acme')).toMatchObject([{ status: 'running', step: null }]);
  expect((await elsewhere.run(other, { tenant: 'globex', params: {} })).status).toBe('done');
  goOn();
  expect((await first).status).toBe('done');
  await second.end();
});

it('never waits for itself, however many operations one process is asked for', async () => {
  const tenants = Array.from({ length: 12 }, (_, index) => `t${index}`);
  const all = await Promise.all(
    tenants.map((tenant) => operations.run({ kind: 'trial', steps: [write(tenant)] }, { tenant, params: {} })),
  );
  expect(all.map(({ status }) => status)).toEqual(tenants.map(() => 'done'));
});

it('ends after the step in hand when it is asked to stop, and goes on by the same command', async () => {
  const stopping = new AbortController();
  const steps = [write('one', { apply: async () => stopping.abort() }), write('two')];
  expect(await run({ kind: 'trial', steps }, { signal: stopping.signal })).toMatchObject({ status: 'interrupted' });
  expect(await operations.list('acme')).toMatchObject([{ status: 'interrupted', done: ['one'] }]);
  expect((await run({ kind: 'trial', steps })).status).toBe('done');
  expect(await traced()).toEqual(['two']);
});

it('waits for a lock, and says so', async () => {
  await database.admin.query('create table busy ()');
  const holder = await database.admin.connect();
  await holder.query('begin; lock table busy');
  const events: OperationEvent[] = [];
  const onEvent = (event: OperationEvent) => {
    events.push(event);
    if (event.type === 'waiting') void holder.query('rollback');
  };
  const drop = write('one', { apply: async ({ client }) => void (await client.query('drop table busy')) });
  expect((await operations.run({ kind: 'trial', steps: [drop] }, { tenant: 'acme', params: {}, onEvent })).status).toBe(
    'done',
  );
  expect(events.map(({ type }) => type)).toContain('waiting');
  holder.release();
});

it('goes on taking back when that was interrupted, and then begins anew', async () => {
  let broken = true;
  const sticky = write('one', {
    revert: (context) => (broken ? Promise.reject(new Error('still no luck')) : erase('one')(context)),
  });
  await expect(run({ kind: 'trial', steps: [sticky, fails('two')] })).rejects.toMatchObject({
    message: expect.stringContaining('could not be taken back (still no luck)') as string,
  });
  broken = false;
  expect((await run({ kind: 'trial', steps: [sticky, write('two')] })).status).toBe('done');
  expect(await operations.list('acme')).toMatchObject([{ status: 'done' }, { status: 'reverted' }]);
  expect(await traced()).toEqual(['one', 'two']);
});

it('never changes an event', async () => {
  await run({ kind: 'trial', steps: [write('one')] });
  await expect(database.admin.query("update tenantry.event set data = '{}'")).rejects.toThrow(
    'an event is never changed',
  );
});
