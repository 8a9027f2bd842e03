import { EntityManager } from '@mikro-orm/postgresql';
import { Body, Controller, Get, Inject, Post } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Widget } from '../../../../test/support/widgets.js';
import { CatalogScope } from '../../src/nest/catalog-scope.decorator.js';
import { Tenancy } from '../../src/tenancy.js';
import { fromPath } from '../../src/resolution/from-path.js';
import { firstOf } from '../../src/resolution/first-of.js';
import { fromHeader } from '../../src/resolution/from-header.js';
import { type NestShop, openNestShop } from './nest-shop.js';

/** Any adapter that is not Fastify's: the library then has only what Nest's adapter interface gives, a middleware. */
class UnknownAdapter extends FastifyAdapter {
  override getType(): string {
    return 'unknown';
  }
}

@Controller()
class WidgetsController {
  constructor(
    @Inject(EntityManager) private readonly em: EntityManager,
    @Inject(Tenancy) private readonly tenancy: Tenancy,
  ) {}

  @Get(['widgets', 't/:tenant/widgets'])
  async list(): Promise<unknown> {
    return { saw: (await this.em.find(Widget, {})).map(({ name }) => name).join() };
  }

  @Post('widgets')
  async post(@Body() body: { text: string }): Promise<unknown> {
    return { saw: (await this.em.find(Widget, {})).map(({ name }) => name).join(), text: body.text };
  }

  @CatalogScope()
  @Get('scope')
  scope(): unknown {
    return { saw: this.tenancy.current()?.kind };
  }
}

let shop: NestShop;
beforeAll(async () => {
  const tenancy = { resolver: firstOf(fromHeader(), fromPath('/api/t/:tenant')) };
  const prepare: Parameters<typeof openNestShop>[0]['prepare'] = (app) =>
    app.setGlobalPrefix('api', { exclude: ['scope'] });
  shop = await openNestShop({ controllers: [WidgetsController], adapter: new UnknownAdapter(), tenancy, prepare });
});
afterAll(() => shop.close());

it('opens the scope of every route with a middleware, under a global prefix and beside it', async () => {
  for (const tenant of shop.tenants) {
    expect(await shop.get('/api/widgets', tenant)).toEqual({ saw: tenant });
    expect(await shop.get(`/api/t/${tenant}/widgets?x=1`)).toEqual({ saw: tenant });
    expect(await shop.get('/scope', tenant)).toEqual({ saw: 'catalog' });
  }
  expect(await shop.get('/api/widgets')).toMatchObject({ status: 401, code: 'TENANCY_TENANT_MISSING' });
});

it('keeps requests with bodies apart while they overlap', async () => {
  const requests = Array.from({ length: 20 }, (_, index) => ({
    tenant: shop.tenants[index % 2 === 0 ? 0 : 1],
    text: 'x'.repeat(index * 5000),
  }));
  const answers = await Promise.all(
    requests.map(async ({ tenant, text }) => {
      const headers = { 'x-client': tenant, 'content-type': 'application/json' };
      return (
        await fetch(`${shop.url}/api/widgets`, { method: 'POST', headers, body: JSON.stringify({ text }) })
      ).json();
    }),
  );
  expect(answers).toEqual(requests.map(({ tenant, text }) => ({ saw: tenant, text })));
});

it('answers an address that there is not with problem details', async () => {
  expect(await shop.get('/api/nowhere', shop.tenants[0])).toMatchObject({ status: 404, code: 'HTTP_NOT_FOUND' });
});
