import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, databaseUrl, type TestDatabase } from '../../../../test/support/database.js';
import { TenancyError } from '../../src/errors/tenancy-error.js';
import { OwnerPool } from '../../src/postgres/owner-pool.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const poolOf = (connectionString: string) =>
  new OwnerPool({ connectionString, max: 1, connectionTimeoutMillis: 5000, variable: 'DATABASE_OWNER_URL' });

/** Every way to ask a pool for a connection. */
const ways: Readonly<Record<string, (pool: OwnerPool) => Promise<unknown>>> = {
  connect: (pool) => pool.connect(),
  'connect with a callback': (pool) =>
    new Promise((resolve, reject) =>
      pool.connect((error, client) => (client ? resolve(client) : reject(error ?? new Error('No client.')))),
    ),
  query: (pool) => pool.query('select 1'),
};

it.each(Object.entries(ways))('tells a pool that is used up by its own option: %s', async (_, ask) => {
  const pool = poolOf(database.url);
  const client = await pool.connect();
  // Only now: it bounds the first connect as well.
  pool.options.connectionTimeoutMillis = 100;
  await expect(ask(pool)).rejects.toMatchObject({
    code: 'TENANCY_OWNER_POOL_EXHAUSTED',
    status: 503,
    message: expect.stringMatching(/^All 1 connections of the owner role .* 5000 ms\. Raise `ownerConnections`/),
  });
  client.release();
  pool.options.connectionTimeoutMillis = 5000;
  await pool.query('select 1');
  await pool.end();
});

it.each(Object.entries(ways))('tells whatever goes wrong in connecting by its own URL: %s', async (_, ask) => {
  for (const url of [databaseUrl(database.url, 'nowhere'), 'postgres://postgres@127.0.0.1:1/x']) {
    const pool = poolOf(url);
    await expect(ask(pool)).rejects.toMatchObject({
      code: 'TENANCY_DATABASE_UNAVAILABLE',
      message: expect.stringContaining('DATABASE_OWNER_URL'),
    });
    await pool.end();
  }
});

it('leaves what its own process did as it is: a pool that was ended is no database that is away', async () => {
  const pool = poolOf(database.url);
  await pool.end();
  const error: unknown = await pool.connect().catch((reason: unknown) => reason);
  expect(error).not.toBeInstanceOf(TenancyError);
  expect(error).toMatchObject({ message: 'Cannot use a pool after calling end on the pool' });
});
