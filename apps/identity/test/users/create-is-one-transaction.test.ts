import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { RunningService } from '@tenantry/host';
import { openServices, send, type Services } from '../../../../test/support/services.js';

let services: Services;
let identity: RunningService;
beforeAll(async () => {
  services = await openServices();
  identity = await services.startIdentity();
});
afterAll(() => services.close());

const onUser = 'before insert on identity."user" for each row';
const onTenant = 'after insert on tenantry.tenant for each row';

/** Makes the database itself do `body` in the middle of a sign-up. */
async function sabotage(when: string, body: string): Promise<void> {
  const { admin } = services.database;
  await admin.query(
    `create function public.sabotage() returns trigger language plpgsql security definer as $$ begin ${body}; return new; end $$`,
  );
  await admin.query(`create trigger sabotage ${when} execute function public.sabotage()`);
}

afterEach(() => services.database.admin.query('drop function public.sabotage() cascade'));

async function rowsLeft(): Promise<unknown> {
  const { rows } = await services.database.admin.query(
    'select (select count(*)::int from identity."user") as users, (select count(*)::int from tenantry.tenant) as tenants',
  );
  return rows[0];
}

it('leaves no user when the tenant cannot be made because its id was used before', async () => {
  await sabotage(onUser, `insert into tenantry.tenant (id, name) values (new.id::text, 'was here first')`);
  const { status, body } = await send(identity, 'POST', '/users', { body: { fullName: 'Second' } });
  expect(status).toBe(409);
  expect(body).toMatchObject({ status: 409, code: 'TENANCY_TENANT_EXISTS' });
  expect(await rowsLeft()).toEqual({ users: 0, tenants: 0 });
});

it('leaves neither when the last statement before the commit fails', async () => {
  await sabotage(onTenant, `raise exception 'no room in schema "identity"'`);
  const { status, body } = await send(identity, 'POST', '/users', { body: { fullName: 'Nobody' } });
  expect(status).toBe(500);
  expect(JSON.stringify(body)).not.toMatch(/room|identity|schema/);
  expect(await rowsLeft()).toEqual({ users: 0, tenants: 0 });
});

it('makes both when nothing fails: without the sabotage the same request leaves a user and a tenant', async () => {
  await sabotage(onTenant, 'null');
  const { status } = await send(identity, 'POST', '/users', { body: { fullName: 'Somebody' } });
  expect(status).toBe(201);
  expect(await rowsLeft()).toEqual({ users: 1, tenants: 1 });
});
