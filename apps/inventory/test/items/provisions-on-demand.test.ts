import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunningService } from '@tenantry/host';
import { type ItemBody, openServices, send, type Services, signUp } from '../../../../test/support/services.js';

const manual = { reconcile: { automatic: false } };
let services: Services;
let identity: RunningService;
let inventory: RunningService;
beforeAll(async () => {
  services = await openServices();
  [inventory, identity] = [await services.startInventory(manual), await services.startIdentity(manual)];
});
afterAll(() => services.close());

async function schemasOf(id: string): Promise<number> {
  const { rowCount } = await services.database.admin.query('select from pg_namespace where nspname = $1', [
    `${id}_inventory`,
  ]);
  return rowCount ?? 0;
}

it('makes the schema of a new tenant when a request is the first to need it', async () => {
  const { id: client } = await signUp(identity, 'Ada');
  expect(await schemasOf(client)).toBe(0);
  expect(await send(inventory, 'POST', '/items', { client, body: { name: 'first' } })).toMatchObject({ status: 201 });
  expect(await schemasOf(client)).toBe(1);
});

it('answers 20 requests that are first together, and provisions once', async () => {
  const { id: client } = await signUp(identity, 'Grace');
  const second = await services.startInventory(manual);
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      send(index % 2 === 0 ? inventory : second, 'POST', '/items', { client, body: { name: `${index}` } }),
    ),
  );
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 201));
  const { body } = await send(second, 'GET', '/items', { client });
  expect((body as ItemBody[]).map(({ name }) => Number(name)).toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: 20 }, (_, index) => index),
  );
  const { rows } = await services.database.admin.query('select migration from tenantry.ledger where schema_name = $1', [
    `${client}_inventory`,
  ]);
  expect(rows).toEqual([{ migration: '000001-item' }]);
});

it('makes no schema for a request that is refused', async () => {
  const { id: client } = await signUp(identity, 'Alan');
  await services.database.admin.query(`update tenantry.tenant set status = 'suspended' where id = $1`, [client]);
  expect(await send(inventory, 'GET', '/items', { client })).toMatchObject({ status: 403 });
  expect(await schemasOf(client)).toBe(0);
});

it('makes no schema for a route without a tenant', async () => {
  const { id: client } = await signUp(identity, 'Barbara');
  expect(await send(inventory, 'GET', '/__health', { client })).toMatchObject({ status: 200 });
  expect(await send(inventory, 'GET', '/nothing', { client })).toMatchObject({ status: 404 });
  expect(await schemasOf(client)).toBe(0);
});
