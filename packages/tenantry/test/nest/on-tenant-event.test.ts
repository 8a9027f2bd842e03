import { EntityManager } from '@mikro-orm/postgresql';
import { Controller, Inject, Injectable, Scope } from '@nestjs/common';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freshIds } from '../../../../test/support/actual-state.js';
import { until } from '../../../../test/support/until.js';
import type { TenantEvent } from '../../src/lifecycle/events/tenant-event.js';
import { OnTenantEvent } from '../../src/nest/on-tenant-event.decorator.js';
import { Tenancy } from '../../src/tenancy.js';
import { type NestShop, openNestShop } from './nest-shop.js';

const told: string[] = [];

@Injectable()
class Billing {
  constructor(
    @Inject(EntityManager) private readonly em: EntityManager,
    @Inject(Tenancy) private readonly tenancy: Tenancy,
  ) {}

  @OnTenantEvent('tenant.archived')
  async archived({ tenant }: TenantEvent): Promise<void> {
    const rows: { n: number }[] = await this.em.execute('select 1 as n');
    told.push(`archived ${tenant} in ${this.tenancy.current()?.kind} with ${rows.length}`);
  }

  @OnTenantEvent('tenant.archived')
  broken(): never {
    throw new Error('not my day');
  }

  notMarked(): void {
    told.push('never');
  }
}

@Controller()
class Front {
  @OnTenantEvent('*')
  all({ type, tenant }: TenantEvent): void {
    told.push(`${type} ${tenant}`);
  }
}

@Injectable({ scope: Scope.REQUEST })
class PerRequest {
  @OnTenantEvent('*')
  never(): void {
    told.push('never');
  }
}

let shop: NestShop;
beforeAll(async () => {
  shop = await openNestShop({ controllers: [Front], providers: [Billing, PerRequest] });
});
afterAll(() => shop.close());

it('tells providers and controllers, each once, in the catalog scope', async () => {
  const [id = ''] = freshIds(1);
  told.length = 0;
  await shop.tenancy.catalog.create({ id, name: id });
  await shop.tenancy.tenants.archive(id);
  await until(
    'it is told to all',
    () => told.includes(`operation.done ${id}`) && told.some((line) => line.startsWith('archived')),
  );
  expect(told.filter((line) => line.includes('archived')).toSorted()).toEqual([
    `archived ${id} in catalog with 1`,
    `tenant.archived ${id}`,
  ]);
  expect(told).not.toContain('never');
});
