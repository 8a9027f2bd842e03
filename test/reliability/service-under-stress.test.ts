import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { type Answer, call, type ServiceProcess, startService } from '../support/service-process.js';
import { until } from '../support/until.js';

let database: TestDatabase;
const running: ServiceProcess[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const service of running.splice(0)) await service.end('SIGKILL');
});
afterAll(async () => {
  await until('killed processes are disconnected', async () => (await connected()) === 0);
  await database.drop();
});

async function inventory(env: Record<string, string> = {}): Promise<ServiceProcess> {
  const service = await startService('inventory', { DATABASE_URL: database.url, ...env });
  running.push(service);
  return service;
}

const signUp = (id: string) => database.admin.query('insert into tenantry.tenant (id, name) values ($1, $1)', [id]);

async function connected(): Promise<number> {
  const { rows } = await database.admin.query<{ n: number }>(
    "select count(*)::int as n from pg_stat_activity where datname = $1 and application_name = '' and pid <> pg_backend_pid() and usename like 'tenantry%'",
    [database.name],
  );
  return rows[0]?.n ?? 0;
}

async function waiting(): Promise<number> {
  const { rows } = await database.admin.query<{ n: number }>(
    "select count(*)::int as n from pg_stat_activity where datname = $1 and wait_event_type = 'Lock'",
    [database.name],
  );
  return rows[0]?.n ?? 0;
}

/** Locks a table until the returned function is called. */
async function lock(table: string): Promise<() => Promise<void>> {
  const client = await database.admin.connect();
  await client.query(`begin; lock table ${table} in access exclusive mode`);
  return async () => {
    await client.query('rollback');
    client.release();
  };
}

it('finishes requests in flight when it is told to stop, and refuses new ones', async () => {
  await signUp('graceful');
  const service = await inventory();
  await call(`${service.url}/items`, 'graceful', { name: 'one' });
  const release = await lock('"graceful_inventory".item');
  const inFlight = call(`${service.url}/items`, 'graceful');
  await until('the request waits', async () => (await waiting()) > 0);
  const exited = service.end('SIGTERM');
  await until('new requests are refused', async () => (await call(`${service.url}/__health`)).status === 0);
  await release();
  expect(await inFlight).toMatchObject({ status: 200, body: [{ name: 'one' }] });
  expect(await exited).toBe(0);
});

it('answers 503 with Retry-After when no connection becomes free in time, and serves again afterwards', async () => {
  await signUp('busy');
  const service = await inventory({ TENANTRY_CONNECTIONS: '5', TENANTRY_ACQUIRE_TIMEOUT_MS: '2000' });
  await call(`${service.url}/items`, 'busy', { name: 'one' });
  const release = await lock('"busy_inventory".item');
  const refused: Answer[] = [];
  const requests = Array.from({ length: 12 }, async () => {
    const answer = await call(`${service.url}/items`, 'busy');
    if (answer.status === 503) refused.push(answer);
    return answer;
  });
  // None hangs on until the lock is given back.
  await until('all but those that hold a connection are refused', () => refused.length === 10);
  await release();
  expect((await Promise.all(requests)).filter(({ status }) => status === 200)).toHaveLength(2);
  expect(refused[0]).toMatchObject({ retryAfter: expect.any(String), body: { code: 'TENANCY_POOL_EXHAUSTED' } });
  expect(await call(`${service.url}/items`, 'busy')).toMatchObject({ status: 200 });
});

it('leaves nothing of a provisioning that kill -9 cut off, and the next start finishes it', async () => {
  const service = await inventory();
  const release = await lock('tenantry.ledger');
  await signUp('cutoff');
  const request = call(`${service.url}/items`, 'cutoff', { name: 'one' });
  await until('provisioning has made the tables and waits for the ledger', async () => (await waiting()) > 0);
  await service.end('SIGKILL');
  expect(await request).toMatchObject({ status: 0 });
  await release();
  await until('PostgreSQL has noticed', async () => (await connected()) === 0 && (await waiting()) === 0);
  const { rows } = await database.admin.query(
    `select (select count(*)::int from pg_namespace where nspname = 'cutoff_inventory') as schemas,
            (select count(*)::int from pg_roles where rolname = 'cutoff_inventory') as roles,
            (select count(*)::int from tenantry.ledger where schema_name = 'cutoff_inventory') as ledger`,
  );
  expect(rows).toEqual([{ schemas: 0, roles: 0, ledger: 0 }]);

  await inventory();
  await until('the new process has provisioned the tenant by itself', async () => {
    const { rows: found } = await database.admin.query("select from tenantry.tenant_schema where tenant_id = 'cutoff'");
    return found.length === 1;
  });
});
