import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { actualState, freshIds } from '../../../../test/support/actual-state.js';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { TenancyProcess } from '../../../../test/support/tenancy-process.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** Its last statements may still be running after the process is gone. */
const untilGone = () =>
  vi.waitFor(
    async () => {
      const { rows } = await database.admin.query(
        "select pid from pg_stat_activity where datname = current_database() and application_name = 'doomed'",
      );
      expect(rows).toEqual([]);
    },
    { timeout: 10_000, interval: 5 },
  );

const doomed = () => ({ url: `${database.url}?application_name=doomed`, connections: 10, ownerConnections: 4 });

it('installs the catalog whole or not at all when the process is killed at any moment', async () => {
  await database.admin.query('drop schema tenantry cascade');
  const processes = await Promise.all(Array.from({ length: 5 }, () => TenancyProcess.launch()));
  for (const process of processes) {
    const started = process.tell({ what: 'start', options: doomed() }).catch(() => undefined);
    await sleep(Math.random() * 40);
    await process.kill();
    await started;
    await untilGone();
    const { rows } = await database.admin.query<{ tables: number; role: string }>(
      "select (select count(*)::int from pg_tables where schemaname = 'tenantry') as tables",
    );
    expect(rows[0]?.tables === 0 || (rows[0]?.tables ?? 0) > 5).toBe(true);
    // Odd ones start from nothing again.
    if (Math.random() < 0.5) await database.admin.query('drop schema if exists tenantry cascade');
  }
  const fresh = await TenancyProcess.launch();
  await fresh.tell({ what: 'start', options: { url: database.url } });
  await fresh.stop();
  const { rows } = await database.admin.query('select count(*)::int as tenants from tenantry.tenant');
  expect(rows).toEqual([{ tenants: 0 }]);
});

it('leaves whole tenants only when the process is killed while it provisions, and a fresh start makes the rest', async () => {
  const ids = freshIds(150);
  await database.admin.query('insert into tenantry.tenant (id, name) select id, id from unnest($1::text[]) id', [ids]);
  let process = await TenancyProcess.launch();
  let done = 0;
  for (let kills = 0; kills < 8; kills++) {
    const next = TenancyProcess.launch();
    const started = process.tell({ what: 'start', options: doomed() }).catch(() => undefined);
    await vi.waitFor(
      async () => expect((await actualState(database.admin, ids)).recorded.length).toBeGreaterThan(done),
      {
        timeout: 20_000,
        interval: 2,
      },
    );
    await sleep(Math.random() * 20);
    await process.kill();
    await started;
    await untilGone();
    const state = await actualState(database.admin, ids);
    expectWhole(state);
    done = state.recorded.length;
    process = await next;
    if (done > ids.length - 10) break;
  }
  await process.tell({ what: 'start', options: { url: database.url, reconcile: { automatic: false } } });
  expect(await process.tell({ what: 'reconcile' })).toMatchObject({ provisioned: ids.length - done, failed: 0 });
  expect(await process.tell({ what: 'run', ids })).toEqual(ids);
  await process.stop();
  const state = await actualState(database.admin, ids);
  expectWhole(state);
  expect(state.recorded).toHaveLength(ids.length);
});

function expectWhole({ schemas, roles, recorded, ledger }: Awaited<ReturnType<typeof actualState>>): void {
  expect({ schemas, roles, ledger }).toEqual({
    schemas: recorded,
    roles: recorded,
    ledger: recorded.map((name) => `${name}:000001-widgets`),
  });
}
