import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunningService } from '@tenantry/host';
import { openServices, send, type Services, signUp } from '../../../../test/support/services.js';

let services: Services;
let identity: RunningService;
let processes: RunningService[];
beforeAll(async () => {
  services = await openServices();
  identity = await services.startIdentity();
  // An hour: only a notification can make them forget in this test.
  const cache = { ttlMs: 3_600_000, negativeTtlMs: 3_600_000 };
  processes = [await services.startInventory({ cache }), await services.startInventory({ cache })];
});
afterAll(() => services.close());

/** Status at both processes, as soon as it is the same as `status`; fails when it never is. */
async function everywhere(client: string, status: number): Promise<void> {
  const statuses = async () =>
    Promise.all(processes.map(async (service) => (await send(service, 'GET', '/items', { client })).status));
  await expect.poll(statuses).toEqual([status, status]);
}

it('refuses a suspended tenant in every process that served it, and serves it again when it is resumed', async () => {
  const { id } = await signUp(identity, 'Ada');
  await everywhere(id, 200);
  const setStatus = (status: string) =>
    services.database.admin.query('update tenantry.tenant set status = $2 where id = $1', [id, status]);
  await setStatus('suspended');
  await everywhere(id, 403);
  await setStatus('active');
  await everywhere(id, 200);
});

it('forgets a deleted user in every process', async () => {
  const { id } = await signUp(identity, 'Grace');
  await everywhere(id, 200);
  await send(identity, 'DELETE', `/users/${id}`);
  await everywhere(id, 404);
});

it('serves a user at once in a process that had answered 404 for its id', async () => {
  const id = '01900000-0000-7000-8000-00000000000b';
  await everywhere(id, 404);
  await services.database.admin.query('insert into tenantry.tenant (id, name) values ($1, $1)', [id]);
  await everywhere(id, 200);
});

it('would be seen to fail: a process that listens to nothing goes on serving until its answer is too old', async () => {
  const deaf = await services.startInventory({ listenUrl: false, cache: { ttlMs: 3_600_000 } });
  const { id: client } = await signUp(identity, 'Alan');
  // Provisioned first: an answer without a schema is not remembered.
  await everywhere(client, 200);
  expect(await send(deaf, 'GET', '/items', { client })).toMatchObject({ status: 200 });
  await send(identity, 'DELETE', `/users/${client}`);
  await everywhere(client, 404);
  expect(await send(deaf, 'GET', '/items', { client })).toMatchObject({ status: 200 });
});
