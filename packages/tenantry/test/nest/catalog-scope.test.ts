import { EntityManager } from '@mikro-orm/postgresql';
import { Controller, Get, Inject } from '@nestjs/common';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Widget } from '../../../../test/support/widgets.js';
import { CatalogScope } from '../../src/nest/catalog-scope.decorator.js';
import { CurrentTenant } from '../../src/nest/current-tenant.decorator.js';
import { Tenancy } from '../../src/tenancy.js';
import type { Tenant } from '../../src/tenant/tenant.js';
import { type NestShop, openNestShop } from './nest-shop.js';

class Routes {
  constructor(
    @Inject(Tenancy) protected readonly tenancy: Tenancy,
    @Inject(EntityManager) protected readonly em: EntityManager,
  ) {}

  protected kind(): string {
    return this.tenancy.current()?.kind ?? 'none';
  }
}

@CatalogScope()
@Controller('platform')
class PlatformController extends Routes {
  @Get('scope')
  scope(): unknown {
    return { kind: this.kind() };
  }

  @Get('widgets')
  widgets(): Promise<Widget[]> {
    return this.em.find(Widget, {});
  }

  @Get('tenant')
  tenant(@CurrentTenant() tenant: Tenant): unknown {
    return tenant;
  }

  @Get('work/:tenant')
  async work(): Promise<unknown> {
    const ids = (await this.tenancy.catalog.list()).map(({ id }) => id);
    const names = await Promise.all(
      ids.map((id) => this.tenancy.run(id, async () => (await this.em.find(Widget, {})).map(({ name }) => name))),
    );
    return { ids, names: names.flat(), kind: this.kind() };
  }
}

@Controller('mixed')
class MixedController extends Routes {
  @CatalogScope()
  @Get('catalog')
  catalog(): unknown {
    return { kind: this.kind() };
  }

  @Get('tenant')
  tenant(@CurrentTenant() tenant: Tenant): unknown {
    return { kind: this.kind(), tenant };
  }
}

let shop: NestShop;
beforeAll(async () => {
  shop = await openNestShop({ controllers: [PlatformController, MixedController] });
});
afterAll(() => shop.close());

it.each(['/platform/scope', '/mixed/catalog'])(
  'runs %s in the catalog scope, whatever tenant the request names',
  async (path) => {
    for (const tenant of [undefined, shop.tenants[0], 'unknown', 'NO TENANT', ''])
      expect(await shop.get(path, tenant)).toEqual({ kind: 'catalog' });
  },
);

it('runs the other routes of the same controller as the tenant, and hands it to @CurrentTenant()', async () => {
  const [id] = shop.tenants;
  expect(await shop.get('/mixed/tenant', id)).toEqual({
    kind: 'tenant',
    tenant: { id, name: `${id}, Inc.`, status: 'active' },
  });
  expect(await shop.get('/mixed/tenant')).toMatchObject({ status: 401 });
});

it.each(['/platform/widgets', '/platform/tenant'])(
  'shows no tenant data on %s, also when the request names a tenant',
  async (path) => {
    for (const tenant of [undefined, shop.tenants[0]]) {
      expect(await shop.get(path, tenant)).toMatchObject({ status: 500, code: 'TENANCY_SCOPE_NOT_TENANT' });
    }
  },
);

it('does work for many tenants from one catalog route, and is back in the catalog afterwards', async () => {
  const ids = [...shop.tenants].toSorted();
  expect(await shop.get(`/platform/work/${shop.tenants[0]}`, shop.tenants[0])).toEqual({
    ids,
    names: ids,
    kind: 'catalog',
  });
});

it('runs every route in the catalog scope where no resolver is chosen', async () => {
  const plain = await openNestShop({
    controllers: [MixedController],
    database: shop.database,
    tenancy: { resolver: undefined },
  });
  expect(await plain.get('/mixed/catalog', shop.tenants[0])).toEqual({ kind: 'catalog' });
  expect(await plain.get('/mixed/tenant', shop.tenants[0])).toMatchObject({
    status: 500,
    code: 'TENANCY_SCOPE_NOT_TENANT',
  });
  await plain.close();
});
