import { MikroOrmModule } from '@mikro-orm/nestjs';
import { Module } from '@nestjs/common';
import type { RunningService } from '@tenantry/host';
import { fromRequest, TenancyModule } from 'tenantry/nest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ItemBody, openServices, send, type Services, signUp } from '../../../../test/support/services.js';
import { tenancyOptions } from '../../src/inventory.module.js';
import { Item } from '../../src/items/item.entity.js';
import { ItemsController } from '../../src/items/items.controller.js';
import { ItemsService } from '../../src/items/items.service.js';

let services: Services;
let inventory: RunningService;
let ada: string;
let grace: string;
beforeAll(async () => {
  services = await openServices();
  const identity = await services.startIdentity();
  inventory = await services.startInventory();
  [ada, grace] = [(await signUp(identity, 'Ada')).id, (await signUp(identity, 'Grace')).id];
});
afterAll(() => services.close());

async function make(service: RunningService, client: string, name: string): Promise<ItemBody> {
  return (await send(service, 'POST', '/items', { client, body: { name } })).body as ItemBody;
}

async function names(service: RunningService, client: string): Promise<string[]> {
  const { body } = await send(service, 'GET', '/items', { client });
  return (body as ItemBody[]).map(({ name }) => name);
}

it('shows each user only its own items, in every route', async () => {
  const hers = await make(inventory, ada, 'engine');
  await make(inventory, grace, 'compiler');
  expect(await names(inventory, ada)).toEqual(['engine']);
  expect(await names(inventory, grace)).toEqual(['compiler']);
  const path = `/items/${hers.id}`;
  expect(await send(inventory, 'GET', path, { client: grace })).toMatchObject({ status: 404 });
  expect(await send(inventory, 'PATCH', path, { client: grace, body: { name: 'stolen' } })).toMatchObject({
    status: 404,
  });
  expect(await send(inventory, 'DELETE', path, { client: grace })).toMatchObject({ status: 404 });
  expect(await send(inventory, 'GET', path, { client: ada })).toMatchObject({ status: 200, body: hers });
});

it('keeps them apart when the same item id exists in both', async () => {
  const { admin } = services.database;
  const id = '01900000-0000-7000-8000-00000000000a';
  for (const [client, name] of [
    [ada, 'hers'],
    [grace, 'mine'],
  ]) {
    await admin.query(`insert into "${client}_inventory".item values ($1, $2, now(), now())`, [id, name]);
  }
  await send(inventory, 'PATCH', `/items/${id}`, { client: grace, body: { name: 'mine, changed' } });
  expect(await send(inventory, 'GET', `/items/${id}`, { client: ada })).toMatchObject({ body: { name: 'hers' } });
  await send(inventory, 'DELETE', `/items/${id}`, { client: grace });
  expect(await send(inventory, 'GET', `/items/${id}`, { client: ada })).toMatchObject({ status: 200 });
});

it('keeps them apart while requests of both overlap', async () => {
  const before = { ada: await names(inventory, ada), grace: await names(inventory, grace) };
  const made = Array.from({ length: 60 }, (_, index) => (index % 2 === 0 ? ada : grace));
  await Promise.all(
    made.map((client, index) => make(inventory, client, `${client === ada ? 'ada' : 'grace'} ${index}`)),
  );
  const seen = await Promise.all([names(inventory, ada), names(inventory, grace)]);
  expect(seen[0].filter((name) => !before.ada.includes(name)).every((name) => name.startsWith('ada '))).toBe(true);
  expect(seen[1].filter((name) => !before.grace.includes(name)).every((name) => name.startsWith('grace '))).toBe(true);
  expect(seen.map((list) => list.length)).toEqual([before.ada.length + 30, before.grace.length + 30]);
});

it('would be seen to fail: a service that takes every request for the same tenant shows the items to both', async () => {
  const sameForAll = fromRequest(() => ada, 'nothing');
  @Module({
    imports: [
      TenancyModule.forRoot({ ...services.reach, ...tenancyOptions, resolver: sameForAll }),
      TenancyModule.forOrm({ entities: [Item] }),
      MikroOrmModule.forFeature([Item]),
    ],
    controllers: [ItemsController],
    providers: [ItemsService],
  })
  class WithoutTheWall {}
  const leaky = await services.start('leaky', WithoutTheWall);
  const hers = await make(leaky, ada, 'secret');
  expect(await names(leaky, grace)).toContain('secret');
  expect(await send(leaky, 'GET', `/items/${hers.id}`, { client: grace })).toMatchObject({ status: 200 });
});
