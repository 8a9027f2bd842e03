import { setImmediate as nextTurn } from 'node:timers/promises';
import { MikroORM } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { actualState, freshIds, nothing } from '../../../../../test/support/actual-state.js';
import { openShop, type Shop } from '../../../../../test/support/shop.js';
import { until } from '../../../../../test/support/until.js';
import { Widget, widgetEntities } from '../../../../../test/support/widgets.js';
import { detectDrift } from '../../../src/drift/detect-drift.js';
import { Tenancy } from '../../../src/tenancy.js';

let shop: Shop;
let second: { tenancy: Tenancy; orm: MikroORM };
beforeAll(async () => {
  shop = await openShop({ ownerConnections: 4 });
  const tenancy = await Tenancy.start({ url: shop.database.url, service: 'shop', reconcile: { automatic: false } });
  second = { tenancy, orm: await MikroORM.init(tenancy.orm({ entities: widgetEntities })) };
});
afterAll(async () => {
  await second.orm.close();
  await second.tenancy.stop();
  await shop.close();
});

async function newTenant(): Promise<{ id: string; to: string }> {
  const [id = ''] = freshIds(1);
  await shop.signUp(id);
  return { id, to: `${id}-new` };
}

it('loses no row under load: what was answered is there, the old id is 404 and the new one works', async () => {
  const { id, to } = await newTenant();
  const processes = [shop, second];
  const written: string[] = [];
  const refusals = new Set<string>();
  let current = id;
  let over = false;
  const write = async (worker: number) => {
    const { tenancy, orm } = processes[worker % 2] ?? shop;
    for (let n = 0; !over; n++) {
      const name = `${worker}-${n}`;
      const at = current;
      const done = await tenancy
        .run(at, async () => {
          orm.em.create(Widget, { name });
          if (n % 2 === 0) await orm.em.flush();
          // In a transaction of two statements, which the rename may come between.
          else
            await orm.em.transactional(async (em) => {
              await em.count(Widget);
              await em.flush();
            });
          return true;
        })
        .catch((error: { code?: string; message?: string }) => {
          refusals.add(error.code ?? String(error.message));
          return false;
        });
      if (done) written.push(name);
      // What is refused from memory waits for nothing.
      await nextTurn();
    }
  };
  const load = Array.from({ length: 8 }, (_, worker) => write(worker));
  await until('there is some load', () => written.length > 100);
  const renamed = await shop.tenancy.tenants.rename(id, { to });
  await until('the old id is known to be gone', () => refusals.has('TENANCY_TENANT_UNKNOWN'));
  current = to;
  const before = written.length;
  await until('the new id is written to', () => written.length > before + 100);
  over = true;
  await Promise.all(load);
  expect(renamed).toMatchObject({ id: to, status: 'active' });
  expect([...refusals]).toEqual(['TENANCY_TENANT_UNKNOWN']);
  const rows = await shop.tenancy.run(to, async () => (await shop.orm.em.find(Widget, {})).map(({ name }) => name));
  expect(rows.toSorted()).toEqual(written.toSorted());
  expect(await actualState(shop.database.admin, [id])).toEqual(nothing);
});

it('takes role, ledger, labels and drift along, and tells of it', async () => {
  const { id, to } = await newTenant();
  await shop.database.admin.query(`update tenantry.tenant set labels = '{"tier": "gold"}' where id = $1`, [id]);
  await shop.tenancy.tenants.rename(id, { to, name: 'Another' });
  expect(await shop.tenancy.tenants.show(to)).toMatchObject({
    name: 'Another',
    labels: { tier: 'gold' },
    schemas: [{ schema: `${to}_shop`, head: '000001-widgets' }],
  });
  const drift = await detectDrift(shop.database.admin, { service: 'shop', tenants: [to] });
  expect(drift).toMatchObject({ clean: true });
  const [event] = (await shop.tenancy.tenants.show(to)).events.filter(({ type }) => type === 'tenant.renamed');
  expect(event?.data).toMatchObject({ formerId: id, formerName: id, name: 'Another' });
});

it('changes only the name when that is all that is asked', async () => {
  const { id } = await newTenant();
  expect(await shop.tenancy.tenants.rename(id, { name: 'A name' })).toMatchObject({ id, name: 'A name' });
  expect((await shop.tenancy.tenants.show(id)).operations).toEqual([]);
  await expect(shop.tenancy.tenants.rename(id, { name: '' })).rejects.toMatchObject({
    code: 'TENANCY_TENANT_NAME_INVALID',
  });
});

it('refuses an id that differs in case only, one that is taken, and one that somebody had', async () => {
  const { id, to } = await newTenant();
  const { id: other } = await newTenant();
  const { tenants } = shop.tenancy;
  const refused = (target: string) => expect(tenants.rename(id, { to: target })).rejects;
  await refused(id.toUpperCase()).toMatchObject({ code: 'TENANCY_TENANT_ID_INVALID', status: 400 });
  await refused(id).toMatchObject({ code: 'TENANCY_TENANT_EXISTS', status: 409 });
  await refused(other).toMatchObject({ code: 'TENANCY_TENANT_EXISTS' });
  await shop.database.admin.query(`create schema "${id}-taken_shop"`);
  await refused(`${id}-taken`).toMatchObject({ code: 'TENANCY_SCHEMA_TAKEN' });
  await tenants.rename(other, { to });
  await refused(other).toMatchObject({ code: 'TENANCY_TENANT_EXISTS' });
  await expect(tenants.create({ id: other, name: 'Another' })).rejects.toMatchObject({ code: 'TENANCY_TENANT_EXISTS' });
  await expect(tenants.rename('nobody', { to: 'somebody' })).rejects.toMatchObject({ code: 'TENANCY_TENANT_UNKNOWN' });
  expect((await tenants.show(id)).operations).toEqual([]);
  expect(await shop.tenancy.run(id, () => 'served')).toBe('served');
});

it('takes the rows along that services declared, and refuses an id that their column cannot hold', async () => {
  const { admin } = shop.database;
  await admin.query(
    'create schema billing; create table billing.invoice (n int, tenant_id uuid); create index on billing.invoice (tenant_id)',
  );
  await admin.query('create table billing.note (n int, tenant_id text)');
  const tenantRows = [
    { table: 'billing.invoice', column: 'tenant_id' },
    { table: 'billing.note', column: 'tenant_id' },
  ];
  const declaring = await Tenancy.start({
    url: shop.database.url,
    shared: { schema: 'billing', migrations: {} },
    tenantRows,
    reconcile: { automatic: false },
  });
  await declaring.stop();
  const [one, two] = [crypto.randomUUID(), crypto.randomUUID()];
  await shop.signUp(one);
  await admin.query('insert into billing.invoice values (1, $1), (2, $2)', [one, two]);
  await admin.query('insert into billing.note values (1, $1)', [one]);
  const { tenants } = shop.tenancy;
  await expect(tenants.rename(one, { to: 'acme-limited' })).rejects.toMatchObject({
    code: 'TENANCY_TENANT_ID_INVALID',
    detail: 'A tenant id has the form in which services keep it, which is uuid.',
  });
  const three = crypto.randomUUID();
  await tenants.rename(one, { to: three });
  const { rows } = await admin.query('select n, tenant_id from billing.invoice order by n');
  expect(rows).toEqual([
    { n: 1, tenant_id: three },
    { n: 2, tenant_id: two },
  ]);
  expect((await admin.query('select * from billing.note')).rows).toEqual([{ n: 1, tenant_id: three }]);
  // An id that the column cannot hold has no rows there, and may have any other.
  const { id, to } = await newTenant();
  expect(await tenants.rename(id, { to })).toMatchObject({ id: to });
});
