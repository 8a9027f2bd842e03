import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunningService } from '@tenantry/host';
import { openServices, send, type Services, signUp, type UserBody } from '../../../../test/support/services.js';

let services: Services;
let identity: RunningService;
const users: UserBody[] = [];
beforeAll(async () => {
  services = await openServices();
  identity = await services.startIdentity();
  for (const name of ['Ada', 'Grace', 'Alan', 'Barbara', 'Donald']) users.push(await signUp(identity, name));
});
afterAll(() => services.close());

it('lists users as they were answered when they were made, oldest first', async () => {
  const { status, body } = await send(identity, 'GET', '/users');
  expect(status).toBe(200);
  expect(body).toEqual(users);
});

it('lists page by page: each page starts after the id that `after` names', async () => {
  const seen: UserBody[] = [];
  for (let after = ''; ;) {
    const { body } = await send(identity, 'GET', `/users?limit=2${after}`);
    const page = body as UserBody[];
    expect(page.length).toBeLessThanOrEqual(2);
    if (page.length === 0) break;
    seen.push(...page);
    after = `&after=${page.at(-1)?.id}`;
  }
  expect(seen).toEqual(users);
});

it('answers one user by id, in either case', async () => {
  for (const id of [users[1]?.id ?? '', users[1]?.id.toUpperCase()]) {
    const { status, body } = await send(identity, 'GET', `/users/${id}`);
    expect(status).toBe(200);
    expect(body).toEqual(users[1]);
  }
});

it('answers 404 for a user that there is not, in the words of the service', async () => {
  const { status, headers, body } = await send(identity, 'GET', '/users/01900000-0000-7000-8000-000000000000');
  expect(status).toBe(404);
  expect(headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  expect(body).toEqual({
    type: 'about:blank',
    title: 'Not Found',
    status: 404,
    detail: 'There is no such user.',
    code: 'HTTP_NOT_FOUND',
  });
});

it('needs no tenant, and ignores one that a request names', async () => {
  for (const client of ['nobody', 'NOT A TENANT', '']) {
    expect(await send(identity, 'GET', '/users', { client })).toMatchObject({ status: 200, body: users });
  }
});
