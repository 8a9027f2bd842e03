import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { RunningService } from '@tenantry/host';
import { type CuttableProxy, cuttableProxy } from '../../../../test/support/cuttable-proxy.js';
import { openServices, send, type Services, signUp } from '../../../../test/support/services.js';

let services: Services;
let identity: RunningService;
let proxy: CuttableProxy;
let client: string;
beforeAll(async () => {
  services = await openServices();
  identity = await services.startIdentity();
});
beforeEach(async () => {
  proxy = await cuttableProxy(services.database.url);
  client = (await signUp(identity, 'Ada')).id;
});
afterEach(() => proxy.close());
afterAll(() => services.close());

/** A process that hears of changes through the proxy alone, and has served the tenant. */
async function inventory(ttlMs: number): Promise<() => Promise<number>> {
  const service = await services.startInventory({ listenUrl: proxy.url, cache: { ttlMs } });
  const status = async () => (await send(service, 'GET', '/items', { client })).status;
  // The first answer may find the tenant without its schema; what tells of that schema makes the process forget once more.
  expect(await status()).toBe(200);
  await sleep(500);
  expect([await status(), proxy.connections]).toEqual([200, 1]);
  return status;
}

const setStatus = (status: string) =>
  services.database.admin.query('update tenantry.tenant set status = $2 where id = $1', [client, status]);

it.each([
  ['broken', () => proxy.cut()],
  ['silent', () => proxy.freeze()],
])('refuses a suspended tenant within ttlMs while the listening connection is %s', async (_, cut) => {
  const ttlMs = 1500;
  const status = await inventory(ttlMs);
  cut();
  await setStatus('suspended');
  expect(await status()).toBe(200);
  await expect.poll(status, { timeout: ttlMs + 500 }).toBe(403);
});

it('refuses it as soon as it listens again, because it may have missed anything', async () => {
  const status = await inventory(3_600_000);
  proxy.cut();
  await setStatus('suspended');
  expect(await status()).toBe(200);
  proxy.mend();
  await expect.poll(status, { timeout: 5_000 }).toBe(403);
  await setStatus('active');
  await expect.poll(status).toBe(200);
});
