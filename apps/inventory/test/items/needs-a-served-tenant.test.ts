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

const problem = (status: number, code: string, title: string, detail: string) => ({
  status,
  body: { type: `urn:tenantry:error:${code}`, title, status, detail, code },
});

/** On every route; an item's own id is asked for last, so nothing about it may show. */
async function expectEverywhere(client: string | undefined, expected: ReturnType<typeof problem>): Promise<void> {
  const id = '01900000-0000-7000-8000-000000000000';
  const routes = [
    ['GET', '/items'],
    ['POST', '/items'],
    ['GET', `/items/${id}`],
    ['PATCH', `/items/${id}`],
    ['DELETE', `/items/${id}`],
  ] as const;
  for (const [method, path] of routes) {
    const answer = await send(inventory, method, path, {
      ...(client !== undefined && { client }),
      ...(method === 'POST' && { body: { name: 'x' } }),
    });
    expect({ status: answer.status, body: answer.body }).toEqual(expected);
    expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  }
}

it('answers 401 without the header', async () => {
  const detail = 'The request names no tenant; it needs the header x-client.';
  await expectEverywhere(undefined, problem(401, 'TENANCY_TENANT_MISSING', 'Tenant required', detail));
});

it('answers 404 for a tenant that there is not, also when its schema exists', async () => {
  await services.database.admin.query('create schema stranger_inventory');
  const detail = 'There is no such tenant; check the id that the request names.';
  for (const client of ['nobody', 'stranger', '01900000-0000-7000-8000-000000000000']) {
    await expectEverywhere(client, problem(404, 'TENANCY_TENANT_UNKNOWN', 'Unknown tenant', detail));
  }
});

it.each([
  [
    'suspended',
    'TENANCY_TENANT_SUSPENDED',
    'Tenant suspended',
    'This tenant is suspended; whoever runs the service can resume it.',
  ],
  [
    'archived',
    'TENANCY_TENANT_ARCHIVED',
    'Tenant archived',
    'This tenant is archived; whoever runs the service can restore it.',
  ],
] as const)(
  'answers 403 for a tenant that is %s, and serves it again afterwards',
  async (status, code, title, detail) => {
    const { id: client } = await signUp(identity, status);
    const answers = () => expect.poll(async () => (await send(inventory, 'GET', '/items', { client })).status);
    await answers().toBe(200);
    await services.database.admin.query('update tenantry.tenant set status = $2 where id = $1', [client, status]);
    await answers().toBe(403);
    await expectEverywhere(client, problem(403, code, title, detail));
    await services.database.admin.query(`update tenantry.tenant set status = 'active' where id = $1`, [client]);
    await answers().toBe(200);
  },
);

it('asks for the tenant before it looks at the rest of the request', async () => {
  expect(await send(inventory, 'POST', '/items', { body: { wrong: true } })).toMatchObject({ status: 401 });
  expect(await send(inventory, 'GET', '/items/no-uuid', { client: 'nobody' })).toMatchObject({
    status: 404,
    body: { code: 'TENANCY_TENANT_UNKNOWN' },
  });
});
