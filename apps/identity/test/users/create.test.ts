import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunningService } from '@tenantry/host';
import { openServices, send, type Services, signUp, type UserBody } from '../../../../test/support/services.js';

let services: Services;
let identity: RunningService;
beforeAll(async () => {
  services = await openServices();
  identity = await services.startIdentity();
});
afterAll(() => services.close());

it('answers 201 with id, fullName, createdAt and updatedAt, and nothing else', async () => {
  const before = Date.now();
  const { status, headers, body } = await send(identity, 'POST', '/users', { body: { fullName: 'Ada Lovelace' } });
  expect(status).toBe(201);
  expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
  const user = body as UserBody;
  expect(Object.keys(user).toSorted()).toEqual(['createdAt', 'fullName', 'id', 'updatedAt']);
  expect(user.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(user.fullName).toBe('Ada Lovelace');
  expect(Date.parse(user.updatedAt)).toBeGreaterThanOrEqual(Date.parse(user.createdAt));
  expect(new Date(user.createdAt).toISOString()).toBe(user.createdAt);
  expect(Date.parse(user.createdAt)).toBeGreaterThanOrEqual(before);
  expect(Date.parse(user.createdAt)).toBeLessThanOrEqual(Date.now());
});

it('makes the tenant under the same id and name, active', async () => {
  const { id } = await signUp(identity, 'Grace Hopper');
  const { rows } = await services.database.admin.query('select name, status from tenantry.tenant where id = $1', [id]);
  expect(rows).toEqual([{ name: 'Grace Hopper', status: 'active' }]);
});

it('keeps every character that a name may have, and the space inside it', async () => {
  const names = [`O'Brien "Bob" \\ ; drop table "user" --`, 'Zoë 👩‍🚀 東京 עברית', 'a  b', '?', '$1 :id {0} %s'];
  for (const fullName of names) {
    const { id } = await signUp(identity, fullName);
    const { body } = await send(identity, 'GET', `/users/${id}`);
    expect(body).toMatchObject({ id, fullName });
  }
});

it('takes the space around a name away', async () => {
  expect(await signUp(identity, '  Alan Turing\n')).toMatchObject({ fullName: 'Alan Turing' });
});
