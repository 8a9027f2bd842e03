import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunningService } from '@tenantry/host';
import { contentsOf, expectRefused } from '../../../../test/support/expect-problem.js';
import { rawRequest, sendRaw } from '../../../../test/support/raw-http.js';
import { type ItemBody, openServices, send, type Services, signUp } from '../../../../test/support/services.js';

let services: Services;
let inventory: RunningService;
let client: string;
let item: ItemBody;
let before: unknown;
beforeAll(async () => {
  services = await openServices();
  const identity = await services.startIdentity();
  inventory = await services.startInventory();
  client = (await signUp(identity, 'Ada')).id;
  item = (await send(inventory, 'POST', '/items', { client, body: { name: 'engine' } })).body as ItemBody;
  before = await contentsOf(services.database.admin);
});
afterAll(() => services.close());

async function refuse(method: string, path: string): Promise<[number, string]> {
  const answer = await sendRaw(inventory, rawRequest(method, path, [`x-client: ${client}`]));
  const code = expectRefused(answer);
  if (path.length > 2) expect(answer.body).not.toContain(path.slice(1));
  return [answer.status, code];
}

it.each([
  ['a word', 'abc'],
  ['a number', '1'],
  ['a quote', "1'"],
  ['SQL', '1;drop%20table%20item'],
  ['a NUL', '%00'],
  ['an emoji', '%F0%9F%90%98'],
  ['36 characters that are no uuid', '01900000-0000-7000-8000-00000000000g'],
  ['a uuid without hyphens', '01900000000070008000000000000000'],
  ['a uuid in braces', '%7B01900000-0000-7000-8000-000000000000%7D'],
  ['a uuid and a space', '01900000-0000-7000-8000-000000000000%20'],
  ['__proto__', '__proto__'],
])('refuses an item id that is %s', async (_, id) => {
  for (const method of ['GET', 'DELETE'])
    expect(await refuse(method, `/items/${id}`)).toEqual([400, 'HTTP_BAD_REQUEST']);
});

it('refuses an address that cannot be decoded, is too long or leads nowhere', async () => {
  expect(await refuse('GET', '/items/%E0%A4%A')).toEqual([400, 'HTTP_BAD_REQUEST']);
  expect(await refuse('GET', `/items/${'a'.repeat(3000)}`)).toEqual([414, 'HTTP_URI_TOO_LONG']);
  for (const path of [
    '/nowhere',
    '/items/',
    '//items',
    '/items/a/b',
    '/Items',
    '/items%2f',
    '/./items/../users',
    '/..%2f..%2fetc/passwd',
    '*',
  ]) {
    expect(await refuse('GET', path)).toEqual([404, 'HTTP_NOT_FOUND']);
  }
});

it.each([
  'limit=0',
  'limit=-1',
  'limit=1001',
  'limit=1.5',
  'limit=',
  'limit=abc',
  'limit=Infinity',
  'limit=1e400',
  'limit=1&limit=2',
  'limit[]=1',
  'limit[$gt]=1',
  'after=abc',
  'after=',
  'after=%00',
  'after=1%27%20or%201=1',
  'after[]=01900000-0000-7000-8000-000000000000',
  'unknown=1',
  '__proto__[limit]=1',
  'schema=public',
])('refuses the query ?%s', async (query) => {
  expect(await refuse('GET', `/items?${query}`)).toEqual([400, 'HTTP_BAD_REQUEST']);
});

it('refuses a query of 5,000 characters', async () => {
  expect(await refuse('GET', `/items?after=${'a'.repeat(5000)}`)).toEqual([400, 'HTTP_BAD_REQUEST']);
});

it('ignores query keys that every object has', async () => {
  for (const query of ['__proto__=1', 'constructor=1']) {
    expect(await send(inventory, 'GET', `/items?${query}`, { client })).toMatchObject({ status: 200, body: [item] });
  }
});

it('refuses methods that an address does not take', async () => {
  for (const method of ['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'TRACE'])
    expect(await refuse(method, '/items')).toEqual([404, 'HTTP_NOT_FOUND']);
  for (const method of ['PUT', 'POST', 'LINK'])
    expect(await refuse(method, `/items/${item.id}`)).toEqual([404, 'HTTP_NOT_FOUND']);
});

it('refuses a request without a host, and serves one of HTTP/1.0, which needs none', async () => {
  const lines = (version: string) => `GET /items HTTP/${version}\r\nx-client: ${client}\r\nconnection: close\r\n\r\n`;
  const answer = await sendRaw(inventory, Buffer.from(lines('1.1')));
  expect([answer.status, expectRefused(answer)]).toEqual([400, 'HTTP_BAD_REQUEST']);
  expect(answer.headers['connection']).toBe('close');
  expect(await sendRaw(inventory, Buffer.from(lines('1.0')))).toMatchObject({ status: 200 });
});

it('refuses what is no HTTP', async () => {
  for (const text of [
    'GET\r\n\r\n',
    'NONSENSE / HTTP/1.1\r\n\r\n',
    'GET / HTTP/9.9\r\n\r\n',
    '\0\0\0\0\r\n\r\n',
    '\u0016\u0003\u0001\r\n\r\n',
  ]) {
    expectRefused(await sendRaw(inventory, Buffer.from(text, 'latin1')));
  }
  const smuggled = rawRequest(
    'POST',
    '/items',
    [`x-client: ${client}`, 'content-type: application/json', 'transfer-encoding: chunked'],
    '{"name":"a"}',
  );
  expectRefused(await sendRaw(inventory, smuggled));
});

it('has changed nothing in the database', async () => {
  expect(await contentsOf(services.database.admin)).toEqual(before);
});

it('still serves', async () => {
  expect(
    await send(inventory, 'GET', `/items?limit=1000&after=${'0'.repeat(8)}-0000-0000-0000-000000000000`, { client }),
  ).toMatchObject({ body: [item] });
});
