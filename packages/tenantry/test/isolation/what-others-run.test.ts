import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshIds } from '../../../../test/support/actual-state.js';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { until } from '../../../../test/support/until.js';

// Roles belong to the whole server: what this file grants to one, no other file's tenant may have.
const [acme = '', globex = ''] = freshIds(2);
let shop: Shop;
const warnings: string[] = [];
beforeAll(async () => {
  shop = await openShop({ logger: { log: () => undefined, warn: (message) => warnings.push(message) } });
  await shop.signUp(acme, globex);
});
afterAll(() => shop.close());

const inAcme = <T extends object>(sql: string) => shop.tenancy.run(acme, () => shop.orm.em.fork().execute<T[]>(sql));

/** Runs code while the other tenant runs a statement; its text and its backend are to be had by the admin. */
async function whileGlobexRuns<T>(fn: (pid: number) => Promise<T>): Promise<T> {
  const running = shop.tenancy
    .run(globex, () => shop.orm.em.fork().execute("select pg_sleep(60), 'a secret of globex'"))
    .catch(() => undefined);
  let pid = 0;
  await until('it runs', async () => {
    const { rows } = await shop.database.admin.query<{ pid: number }>(
      "select pid from pg_stat_activity where query like '%a secret of globex%' and state = 'active' and pid <> pg_backend_pid() and datname = current_database()",
    );
    pid = rows[0]?.pid ?? 0;
    return rows.length === 1;
  });
  try {
    return await fn(pid);
  } finally {
    await shop.database.admin.query('select pg_cancel_backend($1)', [pid]);
    await running;
  }
}

describe('what another tenant runs on the same login', () => {
  const seen =
    "select query from pg_stat_activity where query like 'select pg_sleep%a secret of%' and pid <> pg_backend_pid() and datname = current_database()";

  it('is not shown', async () => {
    await whileGlobexRuns(async () => expect(await inAcme(seen)).toEqual([]));
  });

  it('without the wall: is shown to a tenant role that may monitor', async () => {
    await shop.database.admin.query(`grant pg_read_all_stats to "${acme}_shop"`);
    await whileGlobexRuns(async () => expect(await inAcme(seen)).toHaveLength(1));
    await shop.database.admin.query(`revoke pg_read_all_stats from "${acme}_shop"`);
  });

  it.each(['pg_cancel_backend', 'pg_terminate_backend'])('is not ended by %s', async (name) => {
    await whileGlobexRuns(async (pid) => {
      await expect(inAcme(`select ${name}(${pid})`)).rejects.toMatchObject({ code: '42501' });
    });
  });
});

describe('what a plain select may call', () => {
  it.each([
    'select setseed(0.5)',
    "select pg_logical_emit_message(false, 'orders', 'forged')",
    "select pg_logical_emit_message(true, 'orders', '\\x00'::bytea)",
    `update pg_settings set setting = '${globex}_shop' where name = 'role'`,
    "select pg_read_file('postgresql.conf')",
    'select pg_reload_conf()',
    "select pg_create_physical_replication_slot('x')",
  ])('is refused where it leaves something behind: %s', async (sql) => {
    await expect(inAcme(sql)).rejects.toMatchObject({ code: '42501' });
  });
});

it('goes on telling of events, whatever a tenant notifies on the channel of the catalog', async () => {
  const heard: string[] = [];
  const { ready, off } = shop.tenancy.events.on('tenant.created', ({ tenant }) => void heard.push(tenant ?? ''));
  await ready;
  for (const payload of ['event:abc', 'event:99999999999999999999', 'event:', 'tenant:', 'schema:x,,', 'nonsense'])
    await inAcme(`select pg_notify('tenantry', '${payload}')`);
  await shop.tenancy.catalog.create({ id: 'initech', name: 'Initech' });
  await until('it is told', async () => heard.includes('initech'));
  await sleep(50);
  expect(warnings.filter((message) => message.includes('could not be read'))).toEqual([]);
  off();
});
