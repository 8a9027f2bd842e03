import { MikroOrmModule } from '@mikro-orm/nestjs';
import { type DynamicModule, Module, type ModuleMetadata, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { freshIds } from '../../../../test/support/actual-state.js';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { Widget, widgetEntities, widgetMigrations } from '../../../../test/support/widgets.js';
import { fromHeader } from '../../src/resolution/from-header.js';
import { TenancyModule } from '../../src/nest/tenancy.module.js';
import type { TenancyModuleOptions } from '../../src/nest/tenancy-module-options.js';
import { Tenancy } from '../../src/tenancy.js';

/** An app of the test's own, with tenancy and the widgets, on real HTTP. */
export interface NestShop {
  readonly app: NestFastifyApplication;
  readonly url: string;
  readonly database: TestDatabase;
  readonly tenancy: Tenancy;
  /** Two tenants; each has one widget, named as the tenant. */
  readonly tenants: readonly [string, string];
  /** The JSON that a route answers. */
  get(path: string, tenant?: string): Promise<unknown>;
  close(): Promise<void>;
}

/** What the test's app is made of. */
export interface NestShopOptions extends Pick<ModuleMetadata, 'controllers' | 'providers'> {
  /** Modules before `TenancyModule`. */
  imports?: (Type | DynamicModule)[];
  tenancy?: Partial<TenancyModuleOptions>;
  database?: TestDatabase;
  adapter?: FastifyAdapter;
  prepare?: (app: NestFastifyApplication) => void;
}

@Module({})
class ShopModule {}

/** The same app as a module: the test's own parts beside `TenancyModule`. */
export function shopModule(
  url: string,
  { imports = [], controllers = [], providers = [], tenancy }: NestShopOptions,
): DynamicModule {
  const options = {
    url,
    service: 'shop',
    migrations: widgetMigrations,
    resolver: fromHeader(),
    reconcile: { automatic: false },
    ...tenancy,
  };
  const library = [
    TenancyModule.forRoot(options),
    TenancyModule.forOrm({ entities: widgetEntities }),
    MikroOrmModule.forFeature([Widget]),
  ];
  return { module: ShopModule, imports: [...imports, ...library], controllers, providers };
}

/** Starts it. Close it in `afterAll`. */
export async function openNestShop(options: NestShopOptions): Promise<NestShop> {
  const database = options.database ?? (await createTestDatabase());
  const adapter = options.adapter ?? new FastifyAdapter();
  const app = await NestFactory.create<NestFastifyApplication>(shopModule(database.url, options), adapter, {
    logger: false,
    abortOnError: false,
  });
  options.prepare?.(app);
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  const tenancy = app.get(Tenancy);
  const [first = '', second = ''] = freshIds(2);
  for (const id of [first, second]) {
    await tenancy.catalog.create({ id, name: `${id}, Inc.` });
    await tenancy.reconcile();
    await database.admin.query(`insert into "${id}_shop".widget (name) values ($1)`, [id]);
  }
  return {
    app,
    url,
    database,
    tenancy,
    tenants: [first, second],
    async get(path, tenant) {
      const response = await fetch(url + path, { headers: tenant === undefined ? {} : { 'x-client': tenant } });
      return await response.json();
    },
    async close() {
      await app.close();
      if (!options.database) await database.drop();
    },
  };
}
