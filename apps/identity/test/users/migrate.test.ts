import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunningService } from '@tenantry/host';
import { openServices, send, type Services, signUp } from '../../../../test/support/services.js';

let services: Services;
let identity: RunningService;
beforeAll(async () => {
  services = await openServices();
  const manual = { reconcile: { automatic: false } };
  // Inventory only says which migrations it ships.
  await services.startInventory(manual);
  identity = await services.startIdentity(manual);
});
afterAll(() => services.close());

async function schemas(): Promise<string[]> {
  const { rows } = await services.database.admin.query<{ nspname: string }>(
    `select nspname from pg_namespace where nspname like '%\\_inventory' order by nspname`,
  );
  return rows.map(({ nspname }) => nspname);
}

const inventoryAt = (atHead: number, behind = 0) => [{ service: 'inventory', head: '000001-item', atHead, behind }];
const nothing = { provisioned: 0, migrated: 0, failed: 0, changes: [], failures: [] };

it('does nothing and says so when there is no tenant', async () => {
  expect(await send(identity, 'GET', '/users/migrate')).toMatchObject({
    status: 200,
    body: { ...nothing, services: inventoryAt(0) },
  });
});

it('brings every tenant of every service to head with GET and with POST, and reports what it did', async () => {
  for (const [method, name] of [
    ['GET', 'Ada'],
    ['POST', 'Grace'],
  ] as const) {
    const before = await schemas();
    const { id } = await signUp(identity, name);
    expect(await schemas()).toEqual(before);
    const { status, body } = await send(identity, method, '/users/migrate');
    expect(status).toBe(200);
    expect(body).toEqual({
      ...nothing,
      services: inventoryAt(before.length + 1),
      provisioned: 1,
      changes: [{ tenant: id, service: 'inventory', outcome: 'provisioned', migrations: ['000001-item'] }],
    });
    expect(await schemas()).toEqual([...before, `${id}_inventory`].toSorted());
  }
});

it('reports nothing done when it is called again', async () => {
  const found = await schemas();
  expect(await send(identity, 'GET', '/users/migrate')).toMatchObject({
    status: 200,
    body: { ...nothing, services: inventoryAt(found.length) },
  });
  expect(await schemas()).toEqual(found);
});

it('reports a tenant that cannot be brought to head and brings the others there', async () => {
  const found = await schemas();
  const [bad, good] = [await signUp(identity, 'Bad'), await signUp(identity, 'Good')];
  await services.database.admin.query(`create schema "${bad.id}_inventory"`);
  const { status, body } = await send(identity, 'GET', '/users/migrate');
  expect(status).toBe(200);
  expect(body).toMatchObject({
    services: inventoryAt(found.length + 1, 1),
    provisioned: 1,
    failed: 1,
    changes: [{ tenant: good.id }],
    failures: [{ tenant: bad.id, service: 'inventory', code: 'TENANCY_SCHEMA_TAKEN' }],
  });
  await services.database.admin.query(`drop schema "${bad.id}_inventory"`);
  expect(await send(identity, 'GET', '/users/migrate')).toMatchObject({
    body: { provisioned: 1, failed: 0, changes: [{ tenant: bad.id }] },
  });
});

it('answers with ?dryRun=true the plan as data, with GET and with POST, and changes nothing', async () => {
  const found = await schemas();
  const { id } = await signUp(identity, 'Planned');
  for (const method of ['GET', 'POST']) {
    const { status, body } = await send(identity, method, '/users/migrate?dryRun=true');
    expect(status).toBe(200);
    expect(body).toEqual({
      plans: [
        {
          service: 'inventory',
          direction: 'up',
          target: '000001-item',
          total: 1,
          groups: [{ from: null, migrations: [{ name: '000001-item', kind: 'sql' }], tenants: 1 }],
          waves: [{ name: 'all', tenants: [id] }],
          maxFailures: null,
          ahead: [],
          strays: [],
          findings: [],
        },
      ],
    });
    expect(await schemas()).toEqual(found);
  }
  expect(await send(identity, 'GET', '/users/migrate?dryRun=false')).toMatchObject({ body: { provisioned: 1 } });
  expect(await send(identity, 'GET', '/users/migrate?dryRun=true')).toMatchObject({
    body: { plans: [{ service: 'inventory', total: 0, groups: [], waves: [] }] },
  });
});

it.each(['?dryRun=perhaps', '?dryRun', '?dryRun=true&dryRun=false', '?dryrun=true', '?other=1'])(
  'refuses %s, and changes nothing',
  async (query) => {
    const found = await schemas();
    const { id } = await signUp(identity, 'Kept');
    for (const method of ['GET', 'POST']) {
      expect(await send(identity, method, `/users/migrate${query}`)).toMatchObject({ status: 400 });
    }
    expect(await schemas()).toEqual(found);
    await send(identity, 'DELETE', `/users/${id}`);
  },
);

it('takes no id from the word "migrate": other methods on it change nothing', async () => {
  expect(await send(identity, 'PATCH', '/users/migrate', { body: { fullName: 'X' } })).toMatchObject({ status: 400 });
  expect(await send(identity, 'DELETE', '/users/migrate')).toMatchObject({ status: 400 });
});

it('answers 503 where the process may not change schemas', async () => {
  const weak = await services.startIdentity({ url: await services.serviceUrl() });
  const { status, body } = await send(weak, 'GET', '/users/migrate');
  expect(status).toBe(503);
  expect(body).toMatchObject({
    code: 'TENANCY_OWNER_REQUIRED',
    detail: 'This process may not do that; ask one that may.',
  });
  expect(await send(weak, 'GET', '/users/migrate?dryRun=true')).toMatchObject({ status: 503 });
});
