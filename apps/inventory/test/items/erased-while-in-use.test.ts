import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunningService } from '@tenantry/host';
import { Tenancy } from 'tenantry';
import { expectProblem } from '../../../../test/support/expect-problem.js';
import { openServices, send, type Services, signUp } from '../../../../test/support/services.js';

let services: Services;
let identity: RunningService;
let processes: RunningService[];
let operator: Tenancy;
beforeAll(async () => {
  services = await openServices();
  identity = await services.startIdentity();
  // One hears at once, one only after its cache's time.
  processes = [await services.startInventory(), await services.startInventory({ listenUrl: false })];
  operator = await Tenancy.start({ ...services.reach, listenUrl: false, reconcile: { automatic: false } });
});
afterAll(async () => {
  await operator.stop();
  await services.close();
});

/** Every status that requests of a tenant get while something happens to it. */
async function statusesWhile(client: string, during: () => Promise<unknown>): Promise<number[]> {
  const seen = new Set<number>();
  let over = false;
  const load = Array.from({ length: 8 }, async (_, n) => {
    const service = processes[n % 2] ?? identity;
    while (!over) {
      const answer = await send(service, n < 4 ? 'POST' : 'GET', '/items', {
        client,
        ...(n < 4 && { body: { name: 'x' } }),
      });
      if (answer.status >= 400) expectProblem(answer);
      seen.add(answer.status);
    }
  });
  await expect.poll(() => [...seen].toSorted((a, b) => a - b)).toEqual([200, 201]);
  await during();
  await expect
    .poll(async () =>
      Promise.all(processes.map(async (each) => (await send(each, 'GET', '/items', { client })).status < 400)),
    )
    .toEqual([false, false]);
  over = true;
  await Promise.all(load);
  return [...seen].toSorted((a, b) => a - b);
}

it('answers 404 and nothing worse to requests of a tenant that is erased, and its user is gone too', async () => {
  const { id } = await signUp(identity, 'Ada');
  expect(await statusesWhile(id, () => operator.tenants.erase(id, { now: true }))).toEqual([200, 201, 404]);
  expect(await send(identity, 'GET', `/users/${id}`)).toMatchObject({ status: 404 });
});

it('answers 403 and nothing worse to requests of a tenant that is archived', async () => {
  const { id } = await signUp(identity, 'Grace');
  expect(await statusesWhile(id, () => operator.tenants.archive(id))).toEqual([200, 201, 403]);
});

it('answers 404 and nothing worse under the former id of a tenant that is renamed, and its user is renamed too', async () => {
  const { id } = await signUp(identity, 'Alan');
  const to = crypto.randomUUID();
  expect(await statusesWhile(id, () => operator.tenants.rename(id, { to }))).toEqual([200, 201, 404]);
  expect(await send(identity, 'GET', `/users/${to}`)).toMatchObject({ status: 200, body: { fullName: 'Alan' } });
  for (const each of processes)
    expect(await send(each, 'GET', '/items', { client: to })).toMatchObject({ status: 200 });
});
