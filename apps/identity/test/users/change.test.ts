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

async function stored(id: string): Promise<unknown> {
  const { rows } = await services.database.admin.query(
    'select u.full_name as user, t.name as tenant from identity."user" u join tenantry.tenant t on t.id = u.id::text where u.id = $1',
    [id],
  );
  return rows[0];
}

it('renames the user and its tenant together, keeps the id and moves updatedAt', async () => {
  const user = await signUp(identity, 'Augusta Ada Byron');
  const { status, body } = await send(identity, 'PATCH', `/users/${user.id.toUpperCase()}`, {
    body: { fullName: 'Ada Lovelace' },
  });
  expect(status).toBe(200);
  const changed = body as UserBody;
  expect(changed).toEqual({ ...user, fullName: 'Ada Lovelace', updatedAt: changed.updatedAt });
  expect(Date.parse(changed.updatedAt)).toBeGreaterThan(Date.parse(user.updatedAt));
  expect(await stored(user.id)).toEqual({ user: 'Ada Lovelace', tenant: 'Ada Lovelace' });
});

it('changes nothing when there is nothing to change', async () => {
  const user = await signUp(identity, 'Grace Hopper');
  expect(await send(identity, 'PATCH', `/users/${user.id}`, { body: {} })).toMatchObject({ status: 200, body: user });
});

it('renames neither when the tenant cannot be renamed', async () => {
  const user = await signUp(identity, 'Before');
  const { admin } = services.database;
  await admin.query(`alter table tenantry.tenant add constraint sabotage check (name <> 'After')`);
  const { status } = await send(identity, 'PATCH', `/users/${user.id}`, { body: { fullName: 'After' } });
  await admin.query('alter table tenantry.tenant drop constraint sabotage');
  expect(status).toBe(400);
  expect(await stored(user.id)).toEqual({ user: 'Before', tenant: 'Before' });
});

it('answers 404 for a user that there is not', async () => {
  const { status } = await send(identity, 'PATCH', '/users/01900000-0000-7000-8000-000000000000', {
    body: { fullName: 'X' },
  });
  expect(status).toBe(404);
});
