import { mkdtemp, chmod, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type LocalPostgres, startLocalPostgres } from '@tenantry/host/local-postgres';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Answer, call, type ServiceProcess, startService } from '../support/service-process.js';
import { until } from '../support/until.js';

const settings = { fsync: 'off', max_connections: '60' };
const tenants = ['ada', 'bob', 'cleo', 'dan'];
let dataDir: string;
let server: LocalPostgres;
let inventory: ServiceProcess;

beforeAll(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'tenantry-restart-'));
  await chmod(dataDir, 0o711);
  server = await startLocalPostgres({ dataDir, settings });
  inventory = await startService('inventory', { DATABASE_URL: server.url, TENANTRY_ACQUIRE_TIMEOUT_MS: '3000' });
  const admin = new pg.Client({ connectionString: server.url });
  await admin.connect();
  for (const tenant of tenants) await admin.query('insert into tenantry.tenant (id, name) values ($1, $1)', [tenant]);
  await admin.end();
  for (const tenant of tenants) await call(`${inventory.url}/items`, tenant, { name: tenant });
}, 60_000);
afterAll(async () => {
  await inventory.end('SIGKILL');
  await server.stop();
  await rm(dataDir, { recursive: true, force: true });
});

it(
  'answers 503 while PostgreSQL is away, never another tenant’s rows, and recovers by itself',
  { timeout: 120_000 },
  async () => {
    const answers: { tenant: string; answer: Answer }[] = [];
    const stopping = new AbortController();
    const load = tenants.flatMap((tenant) =>
      [false, true].map(async (write) => {
        while (!stopping.signal.aborted)
          answers.push({
            tenant,
            answer: await call(`${inventory.url}/items`, tenant, write ? { name: tenant } : undefined),
          });
      }),
    );
    const seen = (status: number) => answers.filter(({ answer }) => answer.status === status).length;
    await until('requests are served', () => seen(200) > 20 && seen(201) > 20);
    await server.stop();
    await until('requests are refused', () => seen(503) > 20);
    server = await startLocalPostgres({ dataDir, settings });
    const before = answers.length;
    const served = (tenant: string) =>
      answers.slice(before).some((one) => one.tenant === tenant && one.answer.status === 201);
    await until('every tenant is served again', () => tenants.every(served));
    stopping.abort();
    await Promise.all(load);

    expect(inventory.child.exitCode).toBeNull();
    expect([...new Set(answers.map(({ answer }) => answer.status))].toSorted((a, b) => a - b)).toEqual([200, 201, 503]);
    for (const { tenant, answer } of answers) {
      if (answer.status === 200) {
        const names = new Set((answer.body as { name: string }[]).map(({ name }) => name));
        // None would mean that the row from before is lost.
        expect([...names]).toEqual([tenant]);
      }
      if (answer.status === 503)
        expect(answer).toMatchObject({
          retryAfter: expect.any(String),
          contentType: expect.stringContaining('problem+json'),
        });
    }
  },
);
