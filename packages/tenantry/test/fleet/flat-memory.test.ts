import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type FleetShop, openFleet } from './support/fleet-shop.js';

const tenants = 100;
const rollouts = 10;
const fewRollouts = 3;
/** Far below what one tenant's plan, schema or metadata would leave, far above what an engine warms up by. */
const bytesPerTenant = 20_000;

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

let shop: FleetShop;
beforeEach(async () => {
  shop = await openFleet(tenants);
});
afterEach(() => shop.close());

/** What a process keeps of each tenant that it migrated, between its first rollout and its last. */
async function keptPerTenant(count: number, ...options: string[]): Promise<number> {
  const hooks = path('../../../host/test/support/typescript-hooks.mjs');
  const child = fork(path('support/memory-program.ts'), [shop.database.url, String(count), ...options], {
    execArgv: ['--expose-gc', '--import', hooks],
  });
  const ended = once(child, 'exit');
  const [heaps] = (await Promise.race([once(child, 'message'), ended])) as [number[]];
  expect((await ended)[0]).toBe(0);
  expect(heaps).toHaveLength(count);
  return ((heaps.at(-1) ?? 0) - (heaps[0] ?? 0)) / (tenants * (count - 1));
}

it(`keeps nothing of a tenant: the heap after ${tenants * rollouts} is that after ${tenants}`, async () => {
  expect(await keptPerTenant(rollouts)).toBeLessThan(bytesPerTenant);
});

it('without the wall: what is kept of each tenant shows', async () => {
  expect(await keptPerTenant(fewRollouts, 'hoards')).toBeGreaterThan(bytesPerTenant);
});
