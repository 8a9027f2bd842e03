import { InjectEntityManager, InjectRepository } from '@mikro-orm/nestjs';
import { defineEntity, p } from '@mikro-orm/core';
import { EntityManager, type EntityRepository } from '@mikro-orm/postgresql';
import { MikroOrmModule } from '@mikro-orm/nestjs';
import { Controller, type DynamicModule, Get, Inject, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { Widget, widgetEntities, widgetMigrations } from '../../../../test/support/widgets.js';
import { TenancyModule } from '../../src/nest/tenancy.module.js';
import { type NestShop, openNestShop } from './nest-shop.js';

const Name = defineEntity({
  name: 'Name',
  tableName: 'widget',
  schema: '*',
  properties: { id: p.integer().primary().autoincrement(), name: p.string() },
});
type Name = { id: number; name: string };

@Controller()
class BothController {
  constructor(
    @Inject(EntityManager) private readonly first: EntityManager,
    @InjectEntityManager('second') private readonly second: EntityManager,
    @InjectRepository(Name, 'second') private readonly names: EntityRepository<Name>,
  ) {}

  @Get()
  async both(): Promise<unknown> {
    return [
      (await this.first.find(Widget, {})).map(({ name }) => name),
      (await this.second.find(Name, {})).map(({ name }) => name),
      (await this.names.findAll()).map(({ name }) => name),
      await this.first.transactional((em) =>
        this.second.transactional((inner) => em === this.first.getContext() && inner !== em),
      ),
    ];
  }
}

let database: TestDatabase;
let shop: NestShop;
beforeAll(async () => {
  database = await createTestDatabase();
  const second = TenancyModule.forOrm({ entities: [Name], contextName: 'second' });
  const imports = [await second, MikroOrmModule.forFeature([Name], 'second')];
  shop = await openNestShop({ controllers: [BothController], imports, database });
});
afterAll(async () => {
  await shop.close();
  await database.drop();
});

it('gives each of two ORMs of one application the scope of the request', async () => {
  const answers = await Promise.all(shop.tenants.map((tenant) => shop.get('/', tenant)));
  expect(answers).toEqual(shop.tenants.map((tenant) => [[tenant], [tenant], [tenant], true]));
});

@Module({})
class RootModule {}

async function starting(...imports: (DynamicModule | Promise<DynamicModule>)[]): Promise<unknown> {
  const adapter = new FastifyAdapter();
  return NestFactory.create({ module: RootModule, imports }, adapter, { logger: false, abortOnError: false });
}

const tenancyModule = (more: object = {}) =>
  TenancyModule.forRoot({
    url: database.url,
    service: 'shop',
    migrations: widgetMigrations,
    reconcile: { automatic: false },
    ...more,
  });

/** The test's database fails to drop while somebody is connected: what was refused has to be closed too. */
it('refuses forRoot() twice by name, and starts neither', async () => {
  const twice = starting(tenancyModule(), tenancyModule({ connections: 5 }));
  await expect(twice).rejects.toMatchObject({
    code: 'TENANCY_OPTION_INVALID',
    fields: { option: 'TenancyModule.forRoot()', reason: expect.stringMatching(/2 times/) },
  });
});

it('refuses a second ORM without a name, or with a name that is taken', async () => {
  const refusal = { code: 'TENANCY_OPTION_INVALID', fields: expect.objectContaining({ option: 'orm.contextName' }) };
  const unnamed = starting(
    tenancyModule(),
    TenancyModule.forOrm({ entities: widgetEntities }),
    TenancyModule.forOrm({ entities: [Name] }),
  );
  await expect(unnamed).rejects.toMatchObject(refusal);
  await expect(TenancyModule.forOrm({ entities: [Name], contextName: 'second' })).rejects.toMatchObject(refusal);
});

it('closes what was started when an option of the ORM is refused', async () => {
  const options = { entities: widgetEntities, host: 'elsewhere' };
  const refused = starting(tenancyModule(), TenancyModule.forOrm(options));
  await expect(refused).rejects.toMatchObject({ code: 'TENANCY_OPTION_INVALID', fields: { option: 'orm.host' } });
});
