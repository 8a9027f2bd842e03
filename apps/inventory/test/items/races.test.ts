import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunningService } from '@tenantry/host';
import { type ItemBody, openServices, send, type Services, signUp } from '../../../../test/support/services.js';

let services: Services;
let identity: RunningService;
let processes: RunningService[];
beforeAll(async () => {
  services = await openServices();
  identity = await services.startIdentity();
  processes = [await services.startInventory(), await services.startInventory()];
});
afterAll(() => services.close());

/** Reads and writes as `client` on both processes while `during` happens; answers every status that was seen. */
async function statusesWhile(client: string, during: () => Promise<void>): Promise<number[]> {
  const seen = new Set<number>();
  const foreign: string[] = [];
  const over = new AbortController();
  const load = Array.from({ length: 8 }, async (_, n) => {
    const service = processes[n % 2] ?? identity;
    while (!over.signal.aborted) {
      const writes = n < 4;
      const request = { client, ...(writes && { body: { name: client } }) };
      const { status, body } = await send(service, writes ? 'POST' : 'GET', '/items', request);
      seen.add(status);
      if (status === 200)
        foreign.push(...(body as ItemBody[]).map(({ name }) => name).filter((name) => name !== client));
    }
  });
  await during().finally(() => over.abort());
  await Promise.all(load);
  expect(foreign).toEqual([]);
  return [...seen].toSorted((a, b) => a - b);
}

/** Long enough for every process to have heard, and to have served some requests since. */
const settled = async (client: string, status: number) => {
  for (const service of processes)
    await expect.poll(async () => (await send(service, 'GET', '/items', { client })).status).toBe(status);
};

it('answers 200, 201 or 404 and nothing else while a user is deleted', async () => {
  const { id: client } = await signUp(identity, 'Ada');
  const seen = await statusesWhile(client, async () => {
    await settled(client, 200);
    expect(await send(identity, 'DELETE', `/users/${client}`)).toMatchObject({ status: 204 });
    await settled(client, 404);
  });
  expect(seen).toEqual([200, 201, 404]);
});

it('answers 200, 201 or 403 and nothing else while a tenant is suspended and resumed', async () => {
  const { id: client } = await signUp(identity, 'Grace');
  const setStatus = (status: string) =>
    services.database.admin.query('update tenantry.tenant set status = $2 where id = $1', [client, status]);
  const seen = await statusesWhile(client, async () => {
    await settled(client, 200);
    for (let time = 0; time < 3; time++) {
      await setStatus('suspended');
      await settled(client, 403);
      await setStatus('active');
      await settled(client, 200);
    }
  });
  expect(seen).toEqual([200, 201, 403]);
});

it('answers 200, 201 or 404 and nothing else while a tenant comes to be', async () => {
  const client = 'newcomer';
  const seen = await statusesWhile(client, async () => {
    await settled(client, 404);
    await services.database.admin.query('insert into tenantry.tenant (id, name) values ($1, $1)', [client]);
    await settled(client, 200);
  });
  expect(seen).toEqual([200, 201, 404]);
});

it('never lets an id come back as another tenant', async () => {
  const { id: client } = await signUp(identity, 'Alan');
  await send(processes[0] ?? identity, 'POST', '/items', { client, body: { name: client } });
  await send(identity, 'DELETE', `/users/${client}`);
  await settled(client, 404);
  await expect(
    services.database.admin.query('insert into tenantry.tenant (id, name) values ($1, $1)', [client]),
  ).rejects.toMatchObject({ code: '23505' });
});
