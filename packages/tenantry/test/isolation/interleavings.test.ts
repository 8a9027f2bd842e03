import { MikroORM } from '@mikro-orm/postgresql';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { widgetEntities } from '../../../../test/support/widgets.js';
import type { ScopedPool } from '../../src/isolation/scoped-pool.js';
import { ormOptions } from '../../src/orm/orm-options.js';
import { plainPool, scopedPool, settingsOf } from './support/pools.js';
import { randomTasks, runTask, type Workshop } from './support/random-work.js';

const tenants = ['t0', 't1', 't2', 't3', 't4'];
const poolSize = 3;
let shop: Shop;
let pool: ScopedPool;
let workshop: Workshop;

beforeAll(async () => {
  shop = await openShop();
  await shop.signUp(...tenants);
  pool = await scopedPool(shop, { max: poolSize, connectionTimeoutMillis: 150 }, { statementTimeoutMs: 30 });
  const orm = await MikroORM.init(ormOptions(pool, shop.database.name, { entities: widgetEntities }));
  workshop = { tenancy: shop.tenancy, orm, admin: shop.database.admin, tenants, foreign: [] };
  // Kysely writes there what became of a statement that nobody waits for any more.
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
});
afterAll(async () => {
  vi.restoreAllMocks();
  await workshop.orm.close();
  await pool.end();
  await shop.close();
});

it('never shows a foreign row, and leaves every connection neutral, whatever tenants do at the same time', async () => {
  const property = fc.asyncProperty(randomTasks(tenants.length), async (tasks) => {
    workshop.foreign.length = 0;
    await Promise.all(tasks.map((task) => runTask(workshop, task)));
    expect(workshop.foreign).toEqual([]);
    expect(await misplacedRows()).toEqual([]);
    await expectNeutral();
  });
  await fc.assert(property, { numRuns: 40 });
}, 60_000);

it('without the wall: the first scenarios already show foreign rows on a plain pool with a session’s search_path', async () => {
  const plain = await plainPool(shop, { max: poolSize });
  const seen: string[] = [];
  const read = async (tenant: string) => {
    await plain.query(`set role ${tenant}_shop`).catch(() => undefined);
    await plain.query(`set search_path to ${tenant}_shop`);
    const { rows } = await plain.query<{ schema: string }>('select current_schema() as schema');
    if (rows[0]?.schema !== `${tenant}_shop`) seen.push(tenant);
  };
  await fc.assert(
    fc.asyncProperty(randomTasks(tenants.length), async (tasks) => {
      await Promise.all(tasks.map(({ tenant }) => read(tenants[tenant] ?? '')));
    }),
    { numRuns: 10 },
  );
  expect(seen).not.toEqual([]);
  await plain.end();
});

/** Rows that lie in a schema of another tenant than the one that wrote them. */
async function misplacedRows(): Promise<unknown[]> {
  const each = tenants.map(
    (tenant) => `select '${tenant}' as lies_at, name from ${tenant}_shop.widget where name <> '${tenant}'`,
  );
  return (await shop.database.admin.query(each.join(' union all '))).rows;
}

/** Looks at all connections at once, past the gate. */
async function expectNeutral(): Promise<void> {
  const clients = await Promise.all(Array.from({ length: poolSize }, () => pool.connect()));
  const login = `tenantry_${shop.database.name}`;
  try {
    for (const client of clients) {
      expect(await settingsOf(client)).toEqual({
        user: login,
        role: 'none',
        path: '"$user", public',
        timeout: '0',
        idle: true,
      });
    }
  } finally {
    for (const client of clients) client.release();
  }
}
