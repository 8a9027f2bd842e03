import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { freshIds } from '../../../../../test/support/actual-state.js';
import { type CuttableProxy, cuttableProxy } from '../../../../../test/support/cuttable-proxy.js';
import { openShop, type Shop } from '../../../../../test/support/shop.js';
import { until } from '../../../../../test/support/until.js';
import type { TenantEvent } from '../../../src/lifecycle/events/tenant-event.js';
import { Tenancy } from '../../../src/tenancy.js';

const warnings: string[] = [];
const logger = { log: () => undefined, warn: (message: string) => void warnings.push(message) };

let shop: Shop;
let proxy: CuttableProxy;
let distant: Tenancy;
beforeAll(async () => {
  shop = await openShop({ logger });
  proxy = await cuttableProxy(shop.database.url);
  distant = await Tenancy.start({
    url: shop.database.url,
    listenUrl: proxy.url,
    service: 'shop',
    reconcile: { automatic: false },
    cache: { ttlMs: 86_400_000 },
  });
});
afterAll(async () => {
  await distant.stop();
  await proxy.close();
  await shop.close();
});

const subscriptions: { off(): void }[] = [];
afterEach(() => {
  for (const subscription of subscriptions.splice(0)) subscription.off();
});

/** What a process is told of some tenants. */
async function hear(tenancy: Tenancy, type: '*' | 'tenant.archived', ids: readonly string[]): Promise<TenantEvent[]> {
  const heard: TenantEvent[] = [];
  const subscription = tenancy.events.on(type, (event) => {
    if (event.tenant !== null && ids.includes(event.tenant)) heard.push(event);
  });
  subscriptions.push(subscription);
  await subscription.ready;
  return heard;
}
const typesOf = (events: readonly TenantEvent[]) =>
  events.map(({ type, data }) => (typeof data['step'] === 'string' ? `${type} ${data['step']}` : type));

it('tells every process of each step, once, in order, whoever changed the tenant', async () => {
  const [id = ''] = freshIds(1);
  const [here, there] = [await hear(shop.tenancy, '*', [id]), await hear(distant, '*', [id])];
  await shop.tenancy.catalog.create({ id, name: id });
  await shop.database.admin.query("update tenantry.tenant set name = 'By hand' where id = $1", [id]);
  await distant.tenants.archive(id);
  const expected = [
    'tenant.created',
    'tenant.renamed',
    'operation.started',
    'tenant.archived',
    'operation.step stop-serving',
    'operation.step close',
    'operation.done',
  ];
  await until('both heard', () => here.length >= expected.length && there.length >= expected.length);
  expect(typesOf(here)).toEqual(expected);
  expect(typesOf(there)).toEqual(expected);
  expect(here[1]).toMatchObject({
    tenant: id,
    data: { formerName: id, name: 'By hand' },
    at: expect.any(Date) as Date,
  });
});

it('tells nothing of a change that was rolled back', async () => {
  const [id = '', marker = ''] = freshIds(2);
  const heard = await hear(shop.tenancy, '*', [id, marker]);
  const client = await shop.database.admin.connect();
  await client.query('begin');
  await client.query('insert into tenantry.tenant (id, name) values ($1, $1)', [id]);
  await client.query('rollback');
  client.release();
  await shop.tenancy.catalog.create({ id: marker, name: marker });
  await until('the marker arrived', () => heard.length > 0);
  expect(heard.map(({ tenant }) => tenant)).toEqual([marker]);
});

it('tells only what was asked for, and nothing of the time before', async () => {
  const [id = '', marker = ''] = freshIds(2);
  for (const each of [id, marker]) await shop.tenancy.catalog.create({ id: each, name: each });
  await shop.tenancy.tenants.archive(id);
  const heard = await hear(shop.tenancy, 'tenant.archived', [id, marker]);
  await shop.tenancy.tenants.restore(id);
  await shop.tenancy.tenants.archive(id);
  // What comes before it has arrived when it has.
  await shop.tenancy.tenants.archive(marker);
  await until('the marker arrived', () => heard.some(({ tenant }) => tenant === marker));
  expect(heard.map(({ type, tenant }) => [type, tenant])).toEqual([
    ['tenant.archived', id],
    ['tenant.archived', marker],
  ]);
});

it('harms nobody with a subscriber that throws, at once or later', async () => {
  const ids = freshIds(2);
  subscriptions.push(
    shop.tenancy.events.on('tenant.created', () => {
      throw new Error('at once');
    }),
    shop.tenancy.events.on('tenant.created', () => Promise.reject(new Error('later'))),
  );
  const heard = await hear(shop.tenancy, '*', ids);
  for (const id of ids) await shop.tenancy.catalog.create({ id, name: id });
  await until('the others are told', () => heard.length === 2);
  await vi.waitFor(() =>
    expect(warnings.filter((line) => /^A subscriber failed on event \d+ \(tenant.created\): /.test(line))).toHaveLength(
      4,
    ),
  );
});

it('catches up on what was missed while the connection was cut, without telling anything twice', async () => {
  const ids = freshIds(40);
  const heard = await hear(distant, '*', ids);
  for (const id of ids.slice(0, 10)) await shop.tenancy.catalog.create({ id, name: id });
  await until('the first arrived', () => heard.length === 10);
  proxy.cut();
  await until('it is cut', () => !distant.connections().listening);
  for (const id of ids.slice(10)) await shop.tenancy.catalog.create({ id, name: id });
  expect(heard).toHaveLength(10);
  proxy.mend();
  await until('all arrived', () => heard.length >= 40);
  expect(heard.map(({ tenant }) => tenant)).toEqual(ids);
});

it('tells of an event whose number is older than one that was told already', async () => {
  const [early = '', late = ''] = freshIds(2);
  const heard = await hear(distant, '*', [early, late]);
  const client = await shop.database.admin.connect();
  await client.query('begin');
  await client.query('insert into tenantry.tenant (id, name) values ($1, $1)', [early]);
  await shop.tenancy.catalog.create({ id: late, name: late });
  await until('the later number arrived', () => heard.length === 1);
  proxy.cut();
  await until('it is cut', () => !distant.connections().listening);
  await client.query('commit');
  client.release();
  proxy.mend();
  await until('the earlier number arrived', () => heard.length === 2);
  expect(heard.map(({ tenant }) => tenant)).toEqual([late, early]);
});

it('keeps what a tenant’s code may not see from it: events are the catalog’s', async () => {
  const [id = ''] = freshIds(1);
  await shop.signUp(id);
  await expect(shop.tenancy.run(id, () => shop.orm.em.execute('select * from tenantry.event'))).rejects.toMatchObject({
    message: expect.stringContaining('permission denied') as string,
  });
  await expect(
    shop.tenancy.runInCatalog(() => shop.orm.em.execute("insert into tenantry.event (type) values ('tenant.erased')")),
  ).rejects.toMatchObject({ message: expect.stringContaining('permission denied') as string });
});
