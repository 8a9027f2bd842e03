import { EntityManager } from '@mikro-orm/postgresql';
import { Controller, Get, Inject } from '@nestjs/common';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Widget } from '../../../../test/support/widgets.js';
import { Tenancy } from '../../src/tenancy.js';
import { type NestShop, openNestShop } from './nest-shop.js';

@Controller()
class WidgetsController {
  constructor(
    @Inject(EntityManager) private readonly em: EntityManager,
    @Inject(Tenancy) private readonly tenancy: Tenancy,
  ) {}

  @Get()
  async list(): Promise<unknown> {
    const database = await this.em.execute<{ name: string }[]>('select current_database() as name');
    return {
      tenant: this.tenancy.require().tenant.id,
      saw: (await this.em.find(Widget, {})).map(({ name }) => name),
      on: database[0]?.name,
    };
  }
}

let shops: [NestShop, NestShop];
beforeAll(async () => {
  shops = [
    await openNestShop({ controllers: [WidgetsController] }),
    await openNestShop({ controllers: [WidgetsController] }),
  ];
});
afterAll(async () => {
  for (const shop of shops) await shop.close();
});

it('keeps two apps in one process apart: each serves its own tenants on its own database', async () => {
  const requests = Array.from({ length: 40 }, (_, index) => {
    const shop = shops[index % 2 === 0 ? 0 : 1];
    return { shop, tenant: shop.tenants[index % 4 < 2 ? 0 : 1] };
  });
  const answers = await Promise.all(requests.map(({ shop, tenant }) => shop.get('/', tenant)));
  expect(answers).toEqual(requests.map(({ shop, tenant }) => ({ tenant, saw: [tenant], on: shop.database.name })));
});

it('keeps them apart when one calls the other from inside a request', async () => {
  const [outer, inner] = shops;
  const seen = await outer.tenancy.run(outer.tenants[0], async () => {
    const answer = await inner.get('/', inner.tenants[1]);
    return [answer, outer.tenancy.require().tenant.id];
  });
  expect(seen).toEqual([
    { tenant: inner.tenants[1], saw: [inner.tenants[1]], on: inner.database.name },
    outer.tenants[0],
  ]);
});

it('does not know the tenants of the other one', async () => {
  expect(await shops[0].get('/', shops[1].tenants[0])).toMatchObject({ status: 404 });
});

it('goes on serving when the other one is closed', async () => {
  const third = await openNestShop({ controllers: [WidgetsController], database: shops[0].database });
  await third.close();
  expect(await shops[0].get('/', shops[0].tenants[0])).toMatchObject({ saw: [shops[0].tenants[0]] });
});
