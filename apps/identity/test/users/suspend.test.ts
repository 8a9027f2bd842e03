import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunningService } from '@tenantry/host';
import { openServices, send, type Services, signUp } from '../../../../test/support/services.js';

let services: Services;
let identity: RunningService;
let inventory: RunningService;
beforeAll(async () => {
  services = await openServices();
  [identity, inventory] = [await services.startIdentity(), await services.startInventory()];
});
afterAll(() => services.close());

const items = (client: string) => send(inventory, 'GET', '/items', { client });

it('answers the user with its status, again and again, and inventory answers 403 until it is resumed', async () => {
  const user = await signUp(identity, 'Ada');
  expect(await items(user.id)).toMatchObject({ status: 200 });
  for (let time = 0; time < 2; time++) {
    const answer = await send(identity, 'POST', `/users/${user.id}/suspend`);
    expect(answer).toMatchObject({ status: 200, body: { ...user, status: 'suspended' } });
  }
  await expect.poll(() => items(user.id)).toMatchObject({ status: 403, body: { code: 'TENANCY_TENANT_SUSPENDED' } });
  for (let time = 0; time < 2; time++) {
    const answer = await send(identity, 'POST', `/users/${user.id}/resume`);
    expect(answer).toMatchObject({ status: 200, body: { ...user, status: 'active' } });
  }
  await expect.poll(() => items(user.id)).toMatchObject({ status: 200 });
});

it('works in a process that only serves', async () => {
  const user = await signUp(identity, 'Grace');
  const serving = await services.startIdentity({ url: await services.serviceUrl() });
  expect(await send(serving, 'POST', `/users/${user.id}/suspend`)).toMatchObject({ status: 200 });
  await expect.poll(() => items(user.id)).toMatchObject({ status: 403 });
  expect(await send(serving, 'POST', `/users/${user.id}/resume`)).toMatchObject({ status: 200 });
});

it('answers 404 for nobody and for a deleted user, 400 for an id that is none, 409 for one that is archived', async () => {
  const user = await signUp(identity, 'Alan');
  const suspend = (id: string) => send(identity, 'POST', `/users/${id}/suspend`);
  expect(await suspend(crypto.randomUUID())).toMatchObject({ status: 404 });
  expect(await suspend('nobody')).toMatchObject({ status: 400 });
  await services.database.admin.query("update tenantry.tenant set status = 'archived' where id = $1", [user.id]);
  expect(await suspend(user.id)).toMatchObject({ status: 409, body: { code: 'TENANCY_TENANT_STATUS' } });
  await send(identity, 'DELETE', `/users/${user.id}`);
  expect(await suspend(user.id)).toMatchObject({ status: 404 });
});

it('is in the description of the API', async () => {
  const { body } = await send(identity, 'GET', '/docs-json');
  const { paths } = body as { paths: Record<string, object> };
  expect(Object.keys(paths)).toEqual(expect.arrayContaining(['/users/{id}/suspend', '/users/{id}/resume']));
});
