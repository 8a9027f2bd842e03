import { EntityManager } from '@mikro-orm/postgresql';
import { Controller, Get, Inject } from '@nestjs/common';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { cuttableProxy } from '../../../../test/support/cuttable-proxy.js';
import { rawRequest, sendRaw } from '../../../../test/support/raw-http.js';
import { Tenancy } from '../../src/tenancy.js';
import { type NestShop, openNestShop } from './nest-shop.js';

@Controller()
class SlowController {
  constructor(@Inject(EntityManager) private readonly em: EntityManager) {}

  @Get('slow')
  async slow(): Promise<unknown> {
    await this.em.execute('select pg_sleep(0.3)');
    const rows = await this.em.execute<{ name: string }[]>('select name from widget');
    return { saw: rows.map(({ name }) => name).join() };
  }
}

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const open = (): Promise<NestShop> => openNestShop({ controllers: [SlowController], database });

async function connections(): Promise<number> {
  const { rows } = await database.admin.query<{ count: number }>(
    `select count(*)::int as count from pg_stat_activity where datname = $1 and backend_type = 'client backend' and pid <> pg_backend_pid()`,
    [database.name],
  );
  return rows[0]?.count ?? 0;
}

it('finishes the requests that are under way, then closes every connection', async () => {
  const before = await connections();
  const shop = await open();
  const requests = shop.tenants.map((tenant) => sendRaw(shop, rawRequest('GET', '/slow', [`x-client: ${tenant}`])));
  await expect.poll(() => shop.tenancy.connections().total - shop.tenancy.connections().idle).toBeGreaterThanOrEqual(2);
  expect(await connections()).toBeGreaterThan(before);
  await shop.app.close();
  expect(await Promise.all(requests)).toMatchObject(
    shop.tenants.map((saw) => ({ status: 200, body: JSON.stringify({ saw }) })),
  );
  await expect.poll(connections).toBe(before);
});

it('closes once, however often it is asked to', async () => {
  const shop = await open();
  await Promise.all([shop.app.close(), shop.app.get(Tenancy).stop()]);
  await shop.tenancy.stop();
  await expect(shop.tenancy.catalog.list()).rejects.toThrow('after calling end on the pool');
});

it('closes soon although the listening connection has gone silent', async () => {
  const proxy = await cuttableProxy(database.url);
  const tenancy = await Tenancy.start({ url: database.url, listenUrl: proxy.url });
  expect(tenancy.connections().listening).toBe(true);
  proxy.freeze();
  const begun = performance.now();
  await tenancy.stop();
  expect(performance.now() - begun).toBeLessThan(3_000);
  await proxy.close();
});
