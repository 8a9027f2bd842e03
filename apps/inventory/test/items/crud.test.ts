import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunningService } from '@tenantry/host';
import {
  type ItemBody,
  openServices,
  type Request,
  send,
  type Services,
  signUp,
} from '../../../../test/support/services.js';

let services: Services;
let inventory: RunningService;
let client: string;
beforeAll(async () => {
  services = await openServices();
  const identity = await services.startIdentity();
  inventory = await services.startInventory();
  client = (await signUp(identity, 'Ada')).id;
});
afterAll(() => services.close());

const call = (method: string, path: string, request: Request = {}) =>
  send(inventory, method, path, { client, ...request });
const nowhere = '/items/01900000-0000-7000-8000-000000000000';
const noSuchItem = {
  type: 'about:blank',
  title: 'Not Found',
  status: 404,
  detail: 'There is no such item.',
  code: 'HTTP_NOT_FOUND',
};

it('makes an item: 201 with id, name, createdAt and updatedAt, and nothing else', async () => {
  const { status, body } = await call('POST', '/items', { body: { name: '  Difference engine ' } });
  expect(status).toBe(201);
  const item = body as ItemBody;
  expect(Object.keys(item).toSorted()).toEqual(['createdAt', 'id', 'name', 'updatedAt']);
  expect(item).toMatchObject({ name: 'Difference engine' });
  expect(Date.parse(item.updatedAt)).toBeGreaterThanOrEqual(Date.parse(item.createdAt));
  expect(await call('GET', `/items/${item.id}`)).toMatchObject({ status: 200, body: item });
  expect(await call('GET', `/items/${item.id.toUpperCase()}`)).toMatchObject({ status: 200, body: item });
});

it('lists items oldest first, page by page', async () => {
  for (const name of ['a', 'b', 'c']) await call('POST', '/items', { body: { name } });
  const { status, body } = await call('GET', '/items');
  expect(status).toBe(200);
  const items = body as ItemBody[];
  expect(items.map(({ name }) => name)).toEqual(['Difference engine', 'a', 'b', 'c']);
  expect(await call('GET', `/items?limit=2&after=${items[0]?.id}`)).toMatchObject({ body: items.slice(1, 3) });
  expect(await call('GET', `/items?after=${items[3]?.id}`)).toMatchObject({ body: [] });
});

it('changes the name of an item, keeps its id and moves updatedAt', async () => {
  const item = (await call('POST', '/items', { body: { name: 'old' } })).body as ItemBody;
  const { status, body } = await call('PATCH', `/items/${item.id}`, { body: { name: 'new' } });
  expect(status).toBe(200);
  const { updatedAt } = body as ItemBody;
  expect(body).toEqual({ ...item, name: 'new', updatedAt });
  expect(Date.parse(updatedAt)).toBeGreaterThan(Date.parse(item.updatedAt));
  expect(await call('PATCH', `/items/${item.id}`, { body: {} })).toMatchObject({
    status: 200,
    body: { name: 'new', updatedAt },
  });
});

it('deletes an item: 204 with no body, and 404 from then on', async () => {
  const { id } = (await call('POST', '/items', { body: { name: 'gone soon' } })).body as ItemBody;
  expect(await call('DELETE', `/items/${id}`)).toMatchObject({ status: 204, body: '' });
  expect(await call('GET', `/items/${id}`)).toMatchObject({ status: 404, body: noSuchItem });
  expect(await call('DELETE', `/items/${id}`)).toMatchObject({ status: 404, body: noSuchItem });
});

it('answers 404 for an item that there is not, in the words of the service', async () => {
  for (const [method, request] of [
    ['GET', {}],
    ['PATCH', { body: { name: 'x' } }],
    ['DELETE', {}],
  ] as const) {
    const { status, headers, body } = await call(method, nowhere, request);
    expect({ status, type: headers.get('content-type'), body }).toEqual({
      status: 404,
      type: 'application/problem+json; charset=utf-8',
      body: noSuchItem,
    });
  }
});
