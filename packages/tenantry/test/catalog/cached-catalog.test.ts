import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TestDatabase } from '../../../../test/support/database.js';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { until } from '../../../../test/support/until.js';
import { CachedCatalog, type CatalogCacheOptions } from '../../src/catalog/cached-catalog.js';
import { PostgresCatalog } from '../../src/catalog/postgres-catalog.js';
import { parseServiceName } from '../../src/tenant/service-name.js';
import { parseTenantId } from '../../src/tenant/tenant-id.js';

const hour = 3_600_000;
const [acme, globex, nobody] = [parseTenantId('acme'), parseTenantId('globex'), parseTenantId('nobody')];

let shop: Shop;
let database: TestDatabase;
/** Statements that reached PostgreSQL. */
let asked = 0;
/** Lets PostgreSQL answer, and loses the answer. */
let answerLost = false;
beforeAll(async () => {
  shop = await openShop();
  ({ database } = shop);
  await shop.signUp('acme', 'globex');
});
beforeEach(() => {
  asked = 0;
});
afterAll(() => shop.close());

function cached(options: Partial<CatalogCacheOptions> = {}): CachedCatalog {
  const counted = {
    query: (...args: Parameters<TestDatabase['admin']['query']>) => {
      asked++;
      const answer = database.admin.query(...args) as unknown as Promise<unknown>;
      return answerLost ? answer.then(() => Promise.reject(new Error('Connection terminated'))) : answer;
    },
  } as TestDatabase['admin'];
  const source = new PostgresCatalog(counted, database.name, parseServiceName('shop'));
  return new CachedCatalog(source, { max: 100, ttlMs: hour, negativeTtlMs: hour, ...options });
}

const set = (status: string) =>
  database.admin.query(`update tenantry.tenant set status = $1 where id = 'acme'`, [status]);

it('asks once for a tenant, and once for an id that there is not, however often they are asked for', async () => {
  const catalog = cached();
  for (let time = 0; time < 20; time++) {
    expect(await catalog.find(acme)).toMatchObject({ tenant: { name: 'acme' }, placement: { schema: 'acme_shop' } });
    expect(await catalog.find(nobody)).toBeUndefined();
  }
  expect(asked).toBe(2);
  expect([catalog.peek(acme)?.tenant.id, catalog.peek(nobody)]).toEqual(['acme', undefined]);
});

it('asks once when many ask at the same time', async () => {
  const catalog = cached();
  await Promise.all(Array.from({ length: 50 }, () => catalog.find(acme)));
  expect(asked).toBe(1);
});

it('asks again when an answer is too old, also when it was used all the time', async () => {
  const catalog = cached({ ttlMs: 80, negativeTtlMs: 20 });
  await catalog.find(nobody);
  await sleep(30);
  await catalog.find(nobody);
  expect(asked).toBe(2);
  await catalog.find(acme);
  await set('suspended');
  const begun = performance.now();
  while ((await catalog.find(acme))?.tenant.status === 'active') await sleep(5);
  expect(performance.now() - begun).toBeLessThan(500);
  await set('active');
});

it('keeps at most as many answers as it was told, known and unknown together', async () => {
  const catalog = cached({ max: 2 });
  await catalog.find(acme);
  for (let n = 0; n < 5; n++) await catalog.find(parseTenantId(`nobody-${n}`));
  expect(catalog.peek(acme)).toBeUndefined();
  expect(asked).toBe(6);
  await catalog.find(parseTenantId('nobody-4'));
  expect(asked).toBe(6);
});

it('forgets one tenant and keeps the others', async () => {
  const catalog = cached();
  await Promise.all([catalog.find(acme), catalog.find(globex)]);
  catalog.forget(acme);
  expect([catalog.peek(acme), catalog.peek(globex)?.tenant.id]).toEqual([undefined, 'globex']);
});

it('does not remember an answer that was under way when the tenant changed', async () => {
  const catalog = cached();
  const locker = await database.admin.connect();
  await locker.query('begin; lock table tenantry.tenant in access exclusive mode');
  const stale = catalog.find(acme);
  catalog.forget(acme);
  await locker.query('commit');
  locker.release();
  await stale;
  expect(catalog.peek(acme)).toBeUndefined();
});

it('asks again after a failure', async () => {
  const catalog = cached();
  await database.admin.query('alter table tenantry.tenant rename to away');
  await expect(catalog.find(acme)).rejects.toMatchObject({ code: '42P01' });
  await database.admin.query('alter table tenantry.away rename to tenant');
  expect(await catalog.find(acme)).toMatchObject({ tenant: { id: 'acme' } });
});

it('forgets all of them', async () => {
  const catalog = cached();
  await Promise.all([catalog.find(acme), catalog.find(globex), catalog.find(nobody)]);
  const locker = await database.admin.connect();
  await locker.query('begin; lock table tenantry.tenant in access exclusive mode');
  const other = parseTenantId('other');
  const stale = catalog.find(other);
  catalog.forget();
  await locker.query('commit');
  locker.release();
  await stale;
  expect([acme, globex].map((id) => catalog.peek(id))).toEqual([undefined, undefined]);
  expect(asked).toBe(4);
  for (const id of [acme, globex, nobody, other]) await catalog.find(id);
  expect(asked).toBe(8);
});

it('does not remember a tenant that still gets its schema, but one that gets none', async () => {
  const catalog = cached();
  await database.admin.query("insert into tenantry.tenant (id, name) values ('bare', 'Bare')");
  const bare = parseTenantId('bare');
  for (let time = 0; time < 3; time++) expect((await catalog.find(bare))?.placement).toBeUndefined();
  expect(asked).toBe(3);
  expect(catalog.peek(bare)).toBeUndefined();
  await database.admin.query("update tenantry.tenant set status = 'suspended' where id = 'bare'");
  for (let time = 0; time < 3; time++) await catalog.find(bare);
  expect(asked).toBe(4);
  expect(catalog.peek(bare)?.tenant.status).toBe('suspended');
});

it('does not remember an answer to a question that was asked anew meanwhile', async () => {
  const catalog = cached();
  const locker = await database.admin.connect();
  await locker.query("begin; update tenantry.tenant set name = 'Other' where id = 'acme'");
  await locker.query('lock table tenantry.tenant in access exclusive mode');
  const first = catalog.find(acme);
  catalog.forget(acme);
  const second = catalog.find(acme);
  await locker.query('rollback');
  locker.release();
  await Promise.all([first, second]);
  expect(asked).toBe(2);
  expect(catalog.peek(acme)?.tenant.name).toBe('acme');
  await catalog.find(acme);
  expect(asked).toBe(2);
});

it('passes lists and changes on, and forgets whom they change', async () => {
  const catalog = cached();
  expect((await catalog.list({ limit: 2 })).map(({ id }) => id)).toEqual(['acme', 'bare']);
  await catalog.find(acme);
  expect(await catalog.rename('acme', 'Acme 2')).toMatchObject({ name: 'Acme 2' });
  expect((await catalog.find(acme))?.tenant.name).toBe('Acme 2');
  expect(await catalog.setStatus('acme', 'suspended')).toMatchObject({ status: 'suspended' });
  expect((await catalog.find(acme))?.tenant.status).toBe('suspended');
  await catalog.setStatus('acme', 'active');
  const later = parseTenantId('later');
  expect(await catalog.find(later)).toBeUndefined();
  await catalog.create({ id: 'later', name: 'Later' });
  expect((await catalog.find(later))?.tenant.name).toBe('Later');
});

describe('a change', () => {
  beforeEach(() =>
    database.admin.query("update tenantry.tenant set name = 'acme', status = 'active' where id = 'acme'"),
  );

  /** Holds a change back in PostgreSQL while somebody looks. */
  async function whileItWaits(lock: string, change: () => Promise<unknown>, look: () => Promise<unknown>) {
    const locker = await database.admin.connect();
    await locker.query(`begin; ${lock}`);
    const changing = change();
    await until('the change waits', async () => {
      const { rowCount } = await database.admin.query(
        'select from pg_stat_activity where datname = $1 and cardinality(pg_blocking_pids(pid)) > 0',
        [database.name],
      );
      return rowCount === 1;
    });
    const seen = await look();
    await locker.query('rollback');
    locker.release();
    await changing;
    return seen;
  }
  const row = "select from tenantry.tenant where id = 'acme' for update";

  it.each<[string, (catalog: CachedCatalog) => Promise<unknown>, object]>([
    ['a name', (catalog) => catalog.rename('acme', 'Acme, Inc.'), { name: 'Acme, Inc.' }],
    ['a status', (catalog) => catalog.setStatus('acme', 'suspended'), { status: 'suspended' }],
  ])('of %s is seen at once by who made it, also by those who asked while it was made', async (_, change, expected) => {
    const catalog = cached();
    const before = await whileItWaits(
      row,
      () => change(catalog),
      () => catalog.find(acme),
    );
    expect(before).toMatchObject({ tenant: { name: 'acme', status: 'active' } });
    expect(catalog.peek(acme)).toBeUndefined();
    expect(await catalog.find(acme)).toMatchObject({ tenant: expected });
  });

  it('that makes a tenant is seen at once, although somebody had asked for it', async () => {
    const catalog = cached();
    const initech = parseTenantId('initech');
    const before = await whileItWaits(
      "insert into tenantry.tenant (id, name) values ('initech', 'x')",
      () => catalog.create({ id: initech, name: 'Initech' }),
      () => catalog.find(initech),
    );
    expect(before).toBeUndefined();
    expect(await catalog.find(initech)).toMatchObject({ tenant: { name: 'Initech' } });
    await database.admin.query("delete from tenantry.tenant where id = 'initech'");
  });

  it.each<[string, (catalog: CachedCatalog) => Promise<unknown>]>([
    ['a name', (catalog) => catalog.rename('acme', 'Acme, Inc.')],
    ['a status', (catalog) => catalog.setStatus('acme', 'suspended')],
  ])('of %s of which nobody heard how it ended is not taken for none', async (_, change) => {
    const catalog = cached();
    const before = await catalog.find(acme);
    answerLost = true;
    await expect(change(catalog)).rejects.toThrow('Connection terminated');
    answerLost = false;
    expect(catalog.peek(acme)).toBeUndefined();
    expect(await catalog.find(acme)).not.toEqual(before);
  });

  it('of one tenant leaves what is known of the others', async () => {
    const catalog = cached();
    await Promise.all([catalog.find(acme), catalog.find(globex)]);
    await catalog.rename('acme', 'acme');
    expect([catalog.peek(acme), catalog.peek(globex)?.tenant.id]).toEqual([undefined, 'globex']);
  });
});
