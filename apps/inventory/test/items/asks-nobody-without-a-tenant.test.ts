import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunningService } from '@tenantry/host';
import { openServices, send, type Services } from '../../../../test/support/services.js';

let services: Services;
let inventory: RunningService;
beforeAll(async () => {
  services = await openServices();
  // Nothing but requests makes this process ask PostgreSQL anything.
  inventory = await services.startInventory({ reconcile: { automatic: false }, listenUrl: false });
  await services.database.admin.query("insert into tenantry.tenant (id, name) values ('acme', 'Acme')");
});
afterAll(() => services.close());

/** Every connection of the process, with when its last statement began: any query changes it. */
async function statements(): Promise<unknown[]> {
  const { rows } = await services.database.admin.query(
    `select pid, query_start, state_change, query from pg_stat_activity
      where datname = current_database() and usename in (select role_name from tenantry.service_login) order by pid`,
  );
  return rows;
}

const id = '01900000-0000-7000-8000-000000000000';
const routes = [
  ['GET', '/items'],
  ['POST', '/items'],
  ['GET', `/items/${id}`],
  ['PATCH', `/items/${id}`],
  ['DELETE', `/items/${id}`],
] as const;

it('sends PostgreSQL no statement for a request without a tenant, or with an id that cannot be one', async () => {
  expect(await send(inventory, 'GET', '/items', { client: 'acme' })).toMatchObject({ status: 200, body: [] });
  const before = await statements();
  expect(before).not.toEqual([]);
  for (const [method, path] of routes) {
    const body = method === 'POST' || method === 'PATCH' ? { body: { name: 'x' } } : {};
    expect(await send(inventory, method, path, body)).toMatchObject({ status: 401 });
    expect(await send(inventory, method, path, { ...body, client: 'no tenant!' })).toMatchObject({ status: 400 });
  }
  expect(await statements()).toEqual(before);
});

it('would have seen one: a request with a tenant shows', async () => {
  for (const [method, path] of routes) {
    const before = await statements();
    await send(inventory, method, path, { client: 'acme', ...(method === 'POST' && { body: { name: 'x' } }) });
    // A PATCH without a change and a body that is refused would ask nothing either.
    if (method !== 'PATCH') expect(await statements()).not.toEqual(before);
  }
});
