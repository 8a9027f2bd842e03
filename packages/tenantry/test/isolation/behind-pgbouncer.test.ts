import { defineEntity, IsolationLevel, p, raw } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeBehindPgBouncer } from '../../../../test/support/describe-behind-pgbouncer.js';
import { openPooledShop, type PooledShop, type ShopProcess } from '../../../../test/support/pooled-shop.js';
import { Widget, widgetEntities } from '../../../../test/support/widgets.js';
import { expectNoLeak } from '../../src/testing/index.js';
import { type Neighbour, openNeighbour } from './support/neighbour.js';
import { serviceUrl, settingsOf } from './support/pools.js';
import { stock } from './support/stock.js';

const tenants = ['acme', 'globex'] as const;
const [acme, globex] = tenants;

/** A widget, and the backend that was asked for it. */
const Seen = defineEntity({
  name: 'Seen',
  tableName: 'widget',
  schema: '*',
  properties: {
    id: p.integer().primary(),
    name: p.string(),
    pid: p.integer().formula('pg_backend_pid()'),
  },
});
type Seen = { readonly name: string; readonly pid: number };

/** Ways to reach a tenant's rows; each answers with what it saw, and from where. */
const ways: Readonly<Record<string, (em: EntityManager, tenant: string) => Promise<readonly Seen[]>>> = {
  'em.find': (em) => em.find(Seen, {}),
  'em.flush': async (em, tenant) => {
    // The row says which backend wrote it.
    const widget = em.create(Widget, { name: raw('? || pg_backend_pid()', [`${tenant} on `]) });
    await em.flush();
    const { name } = await em.fork().findOneOrFail(Widget, widget.id);
    return [{ name, pid: Number(name.replace(/\D/g, '')) }];
  },
  'em.transactional': (em, tenant) =>
    em.transactional(async (inner) => {
      inner.create(Widget, { name: `${tenant} in a transaction` });
      await inner.flush();
      return inner.find(Seen, {});
    }),
  'a transaction that is entered by commands': (em) =>
    em.transactional((inner) => inner.find(Seen, {}), { isolationLevel: IsolationLevel.REPEATABLE_READ }),
  'a transaction that follows another': (em) =>
    em.transactional(async (inner) => {
      await inner.execute('select 1');
      await inner.execute('commit and chain');
      return inner.find(Seen, {});
    }),
  'a stream in a transaction': (em) =>
    em.transactional(async (inner) => {
      const seen: Seen[] = [];
      for await (const row of inner.stream(Seen, {})) seen.push(row);
      return seen;
    }),
  'raw SQL': (em) => em.execute('select name, pg_backend_pid() as pid from widget'),
  Kysely: (em) =>
    em
      .getKysely<{ widget: { name: string } }>()
      .selectFrom('widget')
      .select(['name', sql<number>`pg_backend_pid()`.as('pid')])
      .execute(),
};

describeBehindPgBouncer('behind PgBouncer in transaction mode, with one backend', () => {
  let pooled: PooledShop;
  let shop: ShopProcess;
  let neighbour: Neighbour;
  beforeAll(async () => {
    pooled = await openPooledShop({ tenants });
    await stock(pooled.direct, ...tenants);
    shop = await pooled.start({}, [...widgetEntities, Seen]);
    neighbour = await openNeighbour(pooled.url);
  });
  afterAll(async () => {
    await neighbour.close();
    await pooled.close();
  });

  const as = <T>(tenant: string, fn: (em: EntityManager) => Promise<T>) =>
    shop.tenancy.run(tenant, () => fn(shop.orm.em.fork()));
  const names = (em: EntityManager) => em.execute<{ name: string }[]>('select name from widget');

  /** Looks at the tenant's rows in one way; answers the backend. */
  async function lookAs(tenant: string, way: string): Promise<number> {
    const seen = await as(tenant, async (em) => (await ways[way]?.(em, tenant)) ?? []);
    expect(seen).not.toEqual([]);
    expect(seen.filter(({ name }) => !name.startsWith(`${tenant} `))).toEqual([]);
    expect(new Set(seen.map(({ pid }) => pid)).size).toBe(1);
    return seen[0]?.pid ?? 0;
  }

  it.each(Object.keys(ways))('keeps tenants apart that take turns on the backend: %s', async (way) => {
    const backends: number[] = [];
    for (const tenant of [acme, globex, acme, globex]) backends.push(await lookAs(tenant, way));
    expect(backends).toEqual(Array.from({ length: 4 }, () => backends[0]));
  });

  it('keeps tenants apart that want the backend at the same time, each in every way', async () => {
    const turns: string[] = [];
    const backends = new Set<number>();
    const work = async (tenant: string) => {
      for (let round = 0; round < 10; round++) {
        for (const way of Object.keys(ways)) {
          backends.add(await lookAs(tenant, way));
          turns.push(tenant);
        }
      }
    };
    await Promise.all([work(acme), work(globex), work(acme), work(globex)]);
    expect(backends.size).toBe(1);
    const changes = turns.filter((tenant, turn) => turn > 0 && tenant !== turns[turn - 1]);
    expect(changes.length).toBeGreaterThan(10);
  });

  it('leaves every row where it belongs', async () => {
    const { admin } = pooled.direct.database;
    for (const tenant of tenants) {
      const { rows } = await admin.query(`select name from ${tenant}_shop.widget where name not like '${tenant} %'`);
      expect(rows).toEqual([]);
    }
  });

  it('refuses the schema of the tenant whose turn it just was', async () => {
    const crossing = (em: EntityManager) => em.execute('select name from globex_shop.widget');
    const denied = { code: '42501' };
    await lookAs(globex, 'raw SQL');
    await expect(as(acme, crossing)).rejects.toMatchObject(denied);
    await expect(as(acme, (em) => em.transactional(crossing))).rejects.toMatchObject(denied);
    await lookAs(acme, 'raw SQL');
  });

  it('leaves nothing of a tenant on the backend', async () => {
    const untouched = await openNeighbour(await serviceUrl(pooled.direct));
    const neutral = await settingsOf(untouched.client);
    await untouched.close();
    for (const way of Object.keys(ways)) {
      expect(await lookAs(acme, way)).toBe(await neighbour.backend());
      expect(await settingsOf(neighbour.client)).toEqual(neutral);
    }
    await expect(as(acme, (em) => em.execute('select 1 / 0'))).rejects.toThrow('division by zero');
    expect(await settingsOf(neighbour.client)).toEqual(neutral);
  });

  it('prepares nothing by name', async () => {
    for (const way of Object.keys(ways)) expect(await lookAs(globex, way)).toBe(await neighbour.backend());
    expect(await neighbour.prepared()).toEqual([]);
  });

  it('does not look where a neighbour’s session SET on the same backend points to', async () => {
    await neighbour.leave('set search_path to globex_shop', async () => {
      expect(await lookAs(acme, 'raw SQL')).toBe(await neighbour.backend());
      await lookAs(acme, 'em.transactional');
      await expect(shop.tenancy.runInCatalog(() => names(shop.orm.em.fork()))).rejects.toMatchObject({ code: '42P01' });
    });
    await neighbour.leave('set statement_timeout to 1', () => as(acme, (em) => em.execute('select pg_sleep(0.05)')));
  });

  it('reads nothing as the role that a neighbour’s session SET gave to the backend', async () => {
    const unscoped = () =>
      shop.tenancy.runInCatalog(() =>
        shop.orm.em.fork().execute<{ name: string }[]>('select name from globex_shop.widget'),
      );
    const attempts: readonly (readonly [() => Promise<readonly { name: string }[]>, string | undefined])[] = [
      [() => as(acme, names), acme],
      [() => as(globex, names), globex],
      [unscoped, undefined],
    ];
    // Each with a role left anew: PgBouncer may replace the backend of a client that goes away after a refusal.
    for (const [attempt, tenant] of attempts)
      await neighbour.leave('set role globex_shop', async () => {
        const answer = await attempt().catch(({ code }: { code: string }) => code);
        // Refused, or asked once more on a new connection, for which PgBouncer may have taken another backend.
        if (typeof answer === 'string') return expect(['TENANCY_SCOPE_REFUSED', '42501']).toContain(answer);
        expect(tenant).toBeDefined();
        for (const { name } of answer) expect(name).toMatch(new RegExp(`^${tenant} `));
      });
    await lookAs(acme, 'raw SQL');
  });

  it('without the wall: two clients that choose their tenant with a session’s SET read each other’s rows', async () => {
    const other = await openNeighbour(pooled.url);
    const choose = (tenant: string) => `set role ${tenant}_shop; set search_path to ${tenant}_shop`;
    await neighbour.leave(choose(acme), async () => {
      await other.client.query(choose(globex));
      expect(await other.backend()).toBe(await neighbour.backend());
      const { rows } = await neighbour.client.query<{ name: string }>('select name from widget order by id limit 1');
      expect(rows).toEqual([{ name: 'globex widget' }]);
    });
    await other.close();
  });

  it('without the wall: what is prepared by name stays on the backend', async () => {
    const careless = await pooled.start({ transactionPooler: false, listenUrl: false });
    await neighbour.leave('prepare neighbours as select 1', async () => {
      await careless.tenancy.run(acme, () => names(careless.orm.em));
      const left = [expect.stringMatching(/^neighbours$/), expect.stringMatching(/^tenantry_scope_/)] as unknown[];
      expect(await neighbour.prepared()).toEqual(left);
    });
  });
});

describeBehindPgBouncer('behind PgBouncer in transaction mode, with two backends', () => {
  let pooled: PooledShop;
  beforeAll(async () => {
    pooled = await openPooledShop({ tenants, backends: 2 });
    await stock(pooled.direct, ...tenants);
    await pooled.direct.database.admin.query('analyze');
  });
  afterAll(() => pooled.close());

  // Two, because some of them enter the other tenant's scope from within a transaction.
  it('refuses every known way from one tenant to the other', async () => {
    const { tenancy, orm } = await pooled.start();
    const write = (em: EntityManager, tenant: string) => em.create(Widget, { name: `${tenant} extra` });
    await expectNoLeak(tenancy, orm.em, { tenants, write });
  });
});
