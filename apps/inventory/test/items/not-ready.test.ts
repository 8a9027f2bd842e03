import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunningService } from '@tenantry/host';
import { openServices, send, type Services, signUp } from '../../../../test/support/services.js';

let services: Services;
let identity: RunningService;
let weak: RunningService;
beforeAll(async () => {
  services = await openServices();
  identity = await services.startIdentity({ reconcile: { automatic: false } });
  // As a production web process: it may serve, and change no schema.
  weak = await services.startInventory({ url: await services.serviceUrl() });
});
afterAll(() => services.close());

it('answers 503 with Retry-After where the process may not provision, and makes nothing', async () => {
  const { id: client } = await signUp(identity, 'Ada');
  const { status, headers, body } = await send(weak, 'GET', '/items', { client });
  expect(status).toBe(503);
  expect(headers.get('retry-after')).toBe('1');
  expect(body).toEqual({
    type: 'urn:tenantry:error:TENANCY_TENANT_NOT_READY',
    title: 'Temporarily unavailable',
    status: 503,
    detail: 'This tenant is being prepared; try again shortly.',
    code: 'TENANCY_TENANT_NOT_READY',
  });
  const { rowCount } = await services.database.admin.query('select from pg_namespace where nspname = $1', [
    `${client}_inventory`,
  ]);
  expect(rowCount).toBe(0);
});

it('is repaired by a process that holds the owner role: the same request then works', async () => {
  const { id: client } = await signUp(identity, 'Grace');
  expect(await send(weak, 'GET', '/items', { client })).toMatchObject({ status: 503 });
  const strong = await services.startInventory();
  await expect.poll(async () => await send(weak, 'GET', '/items', { client })).toMatchObject({ status: 200, body: [] });
  // From now on it listens, and a request to the other process is enough to wake it.
  const { id: later } = await signUp(identity, 'Alan');
  await expect.poll(async () => (await send(weak, 'GET', '/items', { client: later })).status).toBe(200);
  await strong.stop();
  expect(await send(weak, 'POST', '/items', { client: later, body: { name: 'still served' } })).toMatchObject({
    status: 201,
  });
});
