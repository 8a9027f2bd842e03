import { MikroOrmModule } from '@mikro-orm/nestjs';
import { defineEntity, EntityManager, p } from '@mikro-orm/postgresql';
import { Controller, Get, Inject, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { type Answer, call } from '../../../../../test/support/service-process.js';
import type { MigrationList } from '../../../src/migrations/tenant-migration.js';
import { TenancyModule } from '../../../src/nest/tenancy.module.js';
import type { TenancyOptions } from '../../../src/options.js';
import { fromHeader } from '../../../src/resolution/from-header.js';
import type { FleetShop } from './fleet-shop.js';

const Item = defineEntity({
  name: 'Item',
  tableName: 'item',
  schema: '*',
  properties: { id: p.integer().primary(), name: p.string() },
});

@Controller('items')
class ItemsController {
  readonly #em: EntityManager;

  constructor(@Inject(EntityManager) em: EntityManager) {
    this.#em = em;
  }

  @Get()
  list(): Promise<unknown> {
    return this.#em.find(Item, {}, { orderBy: { id: 'asc' } });
  }

  /** What only new tables can answer. */
  @Get('priced')
  priced(): Promise<unknown> {
    return this.#em.execute('select id, name, price from item');
  }

  @Post()
  async touch(): Promise<unknown> {
    return this.#em.execute('update item set name = name where id = 1 returning id, name');
  }
}

@Module({})
class ShopModule {}

/** Answers of one tenant. */
export interface TenantAnswer {
  readonly tenant: string;
  readonly answer: Answer;
}

/** A service over a fleet, on real HTTP, under load. */
export interface ServedFleet {
  /** What was answered so far. */
  readonly answers: readonly TenantAnswer[];
  /** Ends the load after the requests in flight. */
  rest(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a service whose code ships these migrations, and asks it for every tenant's rows until it is told to rest. */
export async function serveFleet(
  shop: FleetShop,
  migrations: MigrationList,
  options: Partial<TenancyOptions>,
  path: '/items' | '/items/priced' = '/items',
): Promise<ServedFleet> {
  const tenancy = { url: shop.database.url, service: 'shop', migrations, reconcile: { automatic: false }, ...options };
  const imports = [
    TenancyModule.forRoot({ ...tenancy, resolver: fromHeader() }),
    TenancyModule.forOrm({ entities: [Item] }),
    MikroOrmModule.forFeature([Item]),
  ];
  const module = { module: ShopModule, imports, controllers: [ItemsController] };
  const app = await NestFactory.create<NestFastifyApplication>(module, new FastifyAdapter(), {
    logger: false,
    abortOnError: false,
  });
  await app.listen(0, '127.0.0.1');
  const url = (await app.getUrl()) + path;
  const answers: TenantAnswer[] = [];
  const resting = new AbortController();
  const load = shop.tenants.map(async (tenant) => {
    for (let turn = 0; !resting.signal.aborted; turn++)
      answers.push({ tenant, answer: await call(url, tenant, turn % 2 === 0 || path !== '/items' ? undefined : {}) });
  });
  const rest = async () => {
    resting.abort();
    await Promise.all(load);
  };
  return {
    answers,
    rest,
    async close() {
      await rest();
      await app.close();
    },
  };
}
