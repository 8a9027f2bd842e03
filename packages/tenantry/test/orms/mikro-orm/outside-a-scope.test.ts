import { afterAll, beforeAll, expect, it } from 'vitest';
import type { EntityManager } from '@mikro-orm/postgresql';
import { openShop, type Shop } from '../../../../../test/support/shop.js';
import { Widget } from '../../../../../test/support/widgets.js';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp('acme');
});
afterAll(() => shop.close());

/** Ways that code which no scope surrounds may take. */
const ways: Readonly<Record<string, (em: EntityManager) => unknown>> = {
  'em.find()': (em) => em.find(Widget, {}),
  'em.create()': (em) => em.create(Widget, { name: 'nobody’s' }),
  'em.flush()': (em) => em.flush(),
  'a repository': (em) => em.getRepository(Widget).findAll(),
  'em.execute()': (em) => em.execute('select id from tenantry.tenant'),
  'em.execute() of a fork': (em) => em.fork().execute('select id from tenantry.tenant'),
  'a connection': (em) => em.getConnection().execute('select id from tenantry.tenant'),
  'a transaction': (em) => em.transactional((inner) => inner.execute('select id from tenantry.tenant')),
  'a transaction of a fork': (em) => em.fork().transactional((inner) => inner.execute('select 1')),
  'em.begin()': (em) => em.fork().begin(),
  Kysely: (em) =>
    em.getKysely<{ 'tenantry.tenant': { id: string } }>().selectFrom('tenantry.tenant').select('id').execute(),
  'a QueryBuilder': (em) => em.createQueryBuilder(Widget, 'w').getResultList(),
  'a stream': async (em) => {
    for await (const row of em.fork().stream(Widget, {})) return row;
    return undefined;
  },
};

it.each(Object.entries(ways))('runs as nobody and is told the way out: %s', async (_, way) => {
  const running = Promise.resolve().then(() => way(shop.orm.em));
  await expect(running).rejects.toMatchObject({
    code: 'TENANCY_SCOPE_MISSING',
    message: expect.stringMatching(/tenancy\.run\(tenantId, fn\) or tenancy\.runInCatalog\(fn\)/),
  });
});

it('the same statement runs in the catalog scope', async () => {
  const rows = shop.tenancy.runInCatalog(() => shop.orm.em.execute('select id from tenantry.tenant'));
  expect(await rows).toEqual([{ id: 'acme' }]);
});

it('lets anybody ask whether PostgreSQL answers', async () => {
  await shop.orm.connect();
  expect(await shop.orm.isConnected()).toBe(true);
  expect(await shop.orm.checkConnection()).toEqual({ ok: true });
  expect(await shop.tenancy.run('acme', () => shop.orm.isConnected())).toBe(true);
});
