import { afterAll, beforeAll, expect, it } from 'vitest';
import { actualState, freshIds } from '../../../../test/support/actual-state.js';
import { describeBehindPgBouncer } from '../../../../test/support/describe-behind-pgbouncer.js';
import { openPooledShop, type PooledShop, type ShopProcess } from '../../../../test/support/pooled-shop.js';
import { until } from '../../../../test/support/until.js';
import { Widget } from '../../../../test/support/widgets.js';
import { openNeighbour } from '../isolation/support/neighbour.js';

/** So long that only a notification can have told. */
const never = 3_600_000;

describeBehindPgBouncer('a process behind PgBouncer in transaction mode', () => {
  let pooled: PooledShop;
  beforeAll(async () => {
    pooled = await openPooledShop({ tenants: ['acme'] });
  });
  afterAll(() => pooled.close());

  const setStatus = (status: 'active' | 'suspended') => pooled.direct.tenancy.catalog.setStatus('acme', status);
  const refusalOf = ({ tenancy }: ShopProcess) =>
    tenancy.run('acme', () => undefined).catch(({ code }: { code: string }) => code);

  it('hears of changed tenants on `listenUrl`, which leads to the server itself', async () => {
    const listening = await pooled.start({ listenUrl: pooled.direct.database.url, cache: { ttlMs: never } });
    const deaf = await pooled.start({ listenUrl: false, cache: { ttlMs: never } });
    expect(await refusalOf(listening)).toBeUndefined();
    expect(await refusalOf(deaf)).toBeUndefined();
    await setStatus('suspended');
    await until('the tenant is refused', async () => (await refusalOf(listening)) === 'TENANCY_TENANT_SUSPENDED');
    expect(await refusalOf(deaf)).toBeUndefined();
    await setStatus('active');
    await until('the tenant is served', async () => (await refusalOf(listening)) === undefined);
  });

  it('without `listenUrl` listens on the owner’s URL, and without that to nothing', async () => {
    const withOwner = await pooled.start({ ownerUrl: pooled.direct.database.url });
    expect(withOwner.tenancy.connections().listening).toBe(true);
    const alone = await pooled.start();
    expect(alone.tenancy.connections().listening).toBe(false);
  });

  it('without the wall: a subscription through the pooler stays with the backend, and so with whoever uses it next', async () => {
    const [first, next] = [await openNeighbour(pooled.url), await openNeighbour(pooled.url)];
    await first.leave('listen tenantry', async () => {
      expect((await next.client.query('select pg_listening_channels() as channel')).rows).toEqual([
        { channel: 'tenantry' },
      ]);
    });
    await first.close();
    await next.close();
  });

  it('asks others to provision when it may not itself', async () => {
    const serving = await pooled.start();
    const [id = ''] = freshIds(1);
    await serving.tenancy.catalog.create({ id, name: id });
    const asking = serving.tenancy.run(id, () => undefined);
    await expect(asking).rejects.toMatchObject({ code: 'TENANCY_TENANT_NOT_READY' });
    await pooled.direct.tenancy.reconcile();
    expect(await writes(serving, id)).toEqual([`${id} widget`]);
  });

  const urls = {
    'the owner’s URL to the server itself': () => ({ url: pooled.url, ownerUrl: pooled.direct.database.url }),
    'the owner’s URL through the pooler': () => ({
      url: pooled.url,
      ownerUrl: pooled.pgbouncer.through(pooled.direct.database.url),
    }),
    'one URL, through the pooler': () => ({ url: pooled.pgbouncer.through(pooled.direct.database.url) }),
  };
  it.each(Object.entries(urls))('provisions tenants when they are first used, with %s', async (_, optionsOf) => {
    const shop = await pooled.start({ ...optionsOf(), listenUrl: pooled.direct.database.url });
    const ids = freshIds(4).toSorted();
    for (const id of ids) await shop.tenancy.catalog.create({ id, name: id });
    // More callers than backends: each tenant twice, all at once.
    await Promise.all([...ids, ...ids].map((id) => shop.tenancy.run(id, () => undefined)));
    for (const id of ids) expect(await writes(shop, id)).toEqual([`${id} widget`]);
    const schemas = ids.map((id) => `${id}_shop`);
    expect(await actualState(pooled.direct.database.admin, ids)).toEqual({
      schemas,
      roles: schemas,
      recorded: schemas,
      ledger: schemas.map((schema) => `${schema}:000001-widgets`),
    });
  });

  it('brings the fleet to head through the pooler, and prepares nothing by name there', async () => {
    const ownerUrl = pooled.pgbouncer.through(pooled.direct.database.url);
    const { tenancy } = await pooled.start({ ownerUrl, listenUrl: false });
    const ids = freshIds(6);
    for (const id of ids) await tenancy.catalog.create({ id, name: id });
    expect(await tenancy.reconcile()).toMatchObject({ provisioned: ids.length, failures: [] });
    const neighbour = await openNeighbour(ownerUrl);
    expect(await neighbour.prepared()).toEqual([]);
    await neighbour.close();
  });
});

/** Writes as a tenant; answers what it then reads. */
async function writes({ tenancy, orm }: ShopProcess, tenant: string): Promise<string[]> {
  return tenancy.run(tenant, async () => {
    orm.em.create(Widget, { name: `${tenant} widget` });
    await orm.em.flush();
    return (await orm.em.fork().find(Widget, {})).map(({ name }) => name);
  });
}
