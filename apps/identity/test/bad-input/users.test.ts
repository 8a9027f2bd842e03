import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunningService } from '@tenantry/host';
import { contentsOf, expectRefused } from '../../../../test/support/expect-problem.js';
import { rawRequest, sendRaw } from '../../../../test/support/raw-http.js';
import { openServices, send, type Services, signUp, type UserBody } from '../../../../test/support/services.js';

let services: Services;
let identity: RunningService;
let user: UserBody;
let before: unknown;
beforeAll(async () => {
  services = await openServices();
  identity = await services.startIdentity();
  user = await signUp(identity, 'Ada');
  before = await contentsOf(services.database.admin);
});
afterAll(() => services.close());

async function refuse(body: string): Promise<void> {
  for (const [method, path] of [
    ['POST', '/users'],
    ['PATCH', `/users/${user.id}`],
  ] as const) {
    const answer = await sendRaw(identity, rawRequest(method, path, ['content-type: application/json'], body));
    expect(expectRefused(answer)).toMatch(/^HTTP_(BAD_REQUEST|PAYLOAD_TOO_LARGE)$/);
  }
}

it.each([
  ['broken JSON', '{"fullName":'],
  ['over 1 MiB', JSON.stringify({ fullName: 'x'.repeat(1024 * 1024) })],
  ['the key __proto__', '{"fullName":"a","__proto__":{}}'],
  ['an id of its own', '{"fullName":"a","id":"acme"}'],
  ['a deletedAt', '{"fullName":"a","deletedAt":"2026-01-01"}'],
  ['a name that is no text', '{"fullName":["a"]}'],
  ['an empty name', '{"fullName":"  "}'],
  ['a name with a NUL', '{"fullName":"a\\u0000"}'],
  ['a name with a line break in it', '{"fullName":"a\\nb"}'],
  ['a name with half a surrogate pair', '{"fullName":"\\udc00"}'],
  ['a name of 201 characters', JSON.stringify({ fullName: 'x'.repeat(201) })],
])('refuses a user with %s', (_, body) => refuse(body));

it('refuses to make a user without a name', async () => {
  expectRefused(await send(identity, 'POST', '/users', { body: {} }));
  expectRefused(await send(identity, 'POST', '/users'));
});

it.each(['abc', '1', "'%20or%201=1", '%00', 'migrate%00', '..%2fmigrate', '0'.repeat(37), 'acme'])(
  'refuses the user id %s',
  async (id) => {
    for (const method of ['GET', 'DELETE'])
      expect(expectRefused(await sendRaw(identity, rawRequest(method, `/users/${id}`, [])))).toBe('HTTP_BAD_REQUEST');
    const body = await send(identity, 'PATCH', `/users/${id}`, { body: { fullName: 'X' } });
    expect(expectRefused(body)).toBe('HTTP_BAD_REQUEST');
  },
);

it('refuses query strings and methods that it does not know', async () => {
  for (const query of ['limit=0', 'limit=x', 'after=acme', 'after[]=1', 'deleted=true']) {
    expect(expectRefused(await sendRaw(identity, rawRequest('GET', `/users?${query}`, [])))).toBe('HTTP_BAD_REQUEST');
  }
  for (const [method, path] of [
    ['PUT', '/users'],
    ['DELETE', '/users'],
    ['POST', `/users/${user.id}`],
    ['GET', '/user'],
  ] as const) {
    expect(expectRefused(await sendRaw(identity, rawRequest(method, path, [])))).toBe('HTTP_NOT_FOUND');
  }
});

it('has changed nothing in the database', async () => {
  expect(await contentsOf(services.database.admin)).toEqual(before);
});

it('tells nothing when its own table is broken', async () => {
  const { admin } = services.database;
  await admin.query('alter table identity."user" rename to people');
  const answer = await send(identity, 'GET', '/users');
  await admin.query('alter table identity.people rename to "user"');
  expect(answer.status).toBe(500);
  expect(JSON.stringify(answer.body)).toBe(
    '{"type":"about:blank","title":"Internal Server Error","status":500,"detail":"The service could not answer this request; its log says why.","code":"HTTP_INTERNAL_SERVER_ERROR"}',
  );
});
