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

/** All that is in the catalog's schema; nothing where there is no such schema. */
async function catalogObjects(): Promise<readonly string[]> {
  const { rows } = await database.admin.query<{ object: string }>(
    `select pg_describe_object(classid, objid, objsubid) as object from pg_depend
      where refclassid = 'pg_namespace'::regclass and refobjid = to_regnamespace('tenantry')::oid
     union all select format('column %s of %s', attname, attrelid::regclass) from pg_attribute join pg_class on pg_class.oid = attrelid
      where relnamespace = to_regnamespace('tenantry')::oid and attnum > 0 order by 1`,
  );
  const objects = rows.map(({ object }) => object);
  if (objects.length === 0) return objects;
  const versions = await database.admin.query<{ version: number }>(
    'select version from tenantry.catalog_version order by 1',
  );
  return [...objects, `versions ${versions.rows.map(({ version }) => version).join()}`];
}

it(
  'installs the catalog whole or not at all when the process is killed at any moment',
  { timeout: 180_000 },
  async () => {
    const whole = await catalogObjects();
    await database.admin.query(`
    drop schema tenantry cascade;
    create sequence public.made;
    create function public.slowly() returns event_trigger language plpgsql as $$ begin perform nextval('public.made'), pg_sleep(0.02); end $$;
    create event trigger slowly on ddl_command_end when tag in ('CREATE TABLE') execute function public.slowly()`);
    const tables = whole.filter((object) => object.startsWith('table ')).length;
    const processes = await Promise.all(Array.from({ length: 5 }, () => TenancyProcess.launch()));
    for (const [round, process] of processes.entries()) {
      const started = process.tell({ what: 'start', options: doomed() }).catch(() => undefined);
      // From the first table to a moment after the last.
      const made = Math.ceil((tables * (round + 1)) / processes.length);
      await vi.waitFor(() => untilMade(made), { timeout: 20_000, interval: 1 });
      await process.kill();
      await started;
      await untilGone();
      expect([[], whole]).toContainEqual(await catalogObjects());
      await database.admin.query("drop schema if exists tenantry cascade; select setval('public.made', 1, false)");
    }
    await database.admin.query('drop event trigger slowly; drop function public.slowly(); drop sequence public.made');
    const fresh = await TenancyProcess.launch();
    await fresh.tell({ what: 'start', options: { url: database.url } });
    await fresh.stop();
    expect(await catalogObjects()).toEqual(whole);
  },
);

/** So many tables of the catalog were made, in a transaction that is open or over: a sequence is not rolled back. */
async function untilMade(tables: number): Promise<void> {
  const { rows } = await database.admin.query<{ made: number }>(
    'select case when is_called then last_value else 0 end::int as made from public.made',
  );
  expect(rows[0]?.made).toBeGreaterThanOrEqual(tables);
}

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
