import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunningService } from '@tenantry/host';
import { openServices, send, type Services, signUp, type UserBody } from '../../../../test/support/services.js';

let services: Services;
let identity: RunningService;
let inventory: RunningService;
let user: UserBody;
beforeAll(async () => {
  services = await openServices();
  [identity, inventory] = [await services.startIdentity(), await services.startInventory()];
  user = await signUp(identity, 'Ada');
  await send(inventory, 'POST', '/items', { client: user.id, body: { name: 'engine' } });
});
afterAll(() => services.close());

it('answers 204 with no body, and the user is gone from every answer', async () => {
  const other = await signUp(identity, 'Grace');
  const { status, body } = await send(identity, 'DELETE', `/users/${user.id}`);
  expect(status).toBe(204);
  expect(body).toBe('');
  expect(await send(identity, 'GET', `/users/${user.id}`)).toMatchObject({ status: 404 });
  expect(await send(identity, 'PATCH', `/users/${user.id}`, { body: { fullName: 'Back' } })).toMatchObject({
    status: 404,
  });
  expect(await send(identity, 'DELETE', `/users/${user.id}`)).toMatchObject({ status: 404 });
  expect(await send(identity, 'GET', '/users')).toMatchObject({ body: [other] });
});

it('stops the user from being a tenant: inventory answers 404', async () => {
  await expect
    .poll(async () => await send(inventory, 'GET', '/items', { client: user.id }))
    .toMatchObject({ status: 404, body: { code: 'TENANCY_TENANT_UNKNOWN' } });
});

it('keeps the schema and its rows, also when every tenant is brought to head afterwards', async () => {
  await send(identity, 'POST', '/users/migrate');
  const { rows } = await services.database.admin.query(`select name from "${user.id}_inventory".item`);
  expect(rows).toEqual([{ name: 'engine' }]);
});

it('keeps the user and its tenant when either cannot be changed', async () => {
  const { id } = await signUp(identity, 'Alan');
  const { admin } = services.database;
  await admin.query(`alter table tenantry.tenant add constraint sabotage check (id <> '${id}' or status = 'active')`);
  expect(await send(identity, 'DELETE', `/users/${id}`)).toMatchObject({ status: 400 });
  await admin.query('alter table tenantry.tenant drop constraint sabotage');
  expect(await send(identity, 'GET', `/users/${id}`)).toMatchObject({ status: 200 });
  expect(await send(inventory, 'GET', '/items', { client: id })).toMatchObject({ status: 200 });
});
