import { MikroORM } from '@mikro-orm/postgresql';
import type { TenancyOptions } from '../../packages/tenantry/src/options.js';
import { Tenancy } from '../../packages/tenantry/src/tenancy.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import { reachInMode } from './reach.js';
import { widgetEntities, widgetMigrations } from './widgets.js';

/** A process of the service `shop` on a database of its own, without Nest. */
export interface Shop {
  readonly database: TestDatabase;
  readonly tenancy: Tenancy;
  readonly orm: MikroORM;
  /** Makes tenants, provisioned. */
  signUp(...ids: string[]): Promise<void>;
  close(): Promise<void>;
}

/** Starts a shop. Close it in `afterAll`. */
export async function openShop(options: Partial<TenancyOptions> = {}): Promise<Shop> {
  const database = await createTestDatabase();
  const reach = options.url === undefined ? await reachInMode(database) : undefined;
  const tenancy = await Tenancy.start({
    url: database.url,
    ...reach?.options,
    service: 'shop',
    migrations: widgetMigrations,
    reconcile: { automatic: false },
    ...options,
  });
  const orm = await MikroORM.init(tenancy.orm({ entities: widgetEntities }));
  return {
    database,
    tenancy,
    orm,
    async signUp(...ids) {
      for (const id of ids) await tenancy.catalog.create({ id, name: id });
      await tenancy.reconcile();
    },
    async close() {
      await orm.close();
      await tenancy.stop();
      await reach?.close();
      await database.drop();
    },
  };
}
