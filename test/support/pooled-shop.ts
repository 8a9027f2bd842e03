import { MikroORM, type Options } from '@mikro-orm/postgresql';
import type { TenancyOptions } from '../../packages/tenantry/src/options.js';
import { Tenancy } from '../../packages/tenantry/src/tenancy.js';
import { madeLogin } from './logins.js';
import { type PgBouncer, startPgBouncer } from './pgbouncer.js';
import { openShop, type Shop } from './shop.js';
import { widgetEntities, widgetMigrations } from './widgets.js';

/** A process of the service `shop`. */
export type ShopProcess = Pick<Shop, 'tenancy' | 'orm'>;

/** What a {@link PooledShop} begins with. */
export interface PooledShopOptions {
  /** Ids of tenants to make, provisioned. */
  readonly tenants: readonly string[];
  /** How many backends its processes share. @default 1 */
  readonly backends?: number;
}

/** A shop whose processes share a backend, or a few, behind PgBouncer. */
export interface PooledShop {
  /** The same shop without the pooler, to arrange things and to compare. */
  readonly direct: Shop;
  readonly pgbouncer: PgBouncer;
  /** Of the login that serves, through the pooler. */
  readonly url: string;
  /** Starts a process that serves through the pooler; without more options it may do nothing else. */
  start(options?: Partial<TenancyOptions>, entities?: Options['entities']): Promise<ShopProcess>;
  close(): Promise<void>;
}

/** Starts PgBouncer and makes a shop with tenants. Close it in `afterAll`. */
export async function openPooledShop({ tenants, backends = 1 }: PooledShopOptions): Promise<PooledShop> {
  const closing: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const closeIt of closing.toReversed()) await closeIt();
  };
  const start: PooledShop['start'] = async (options = {}, entities = widgetEntities) => {
    const tenancy = await Tenancy.start({
      url,
      transactionPooler: true,
      service: 'shop',
      migrations: widgetMigrations,
      reconcile: { automatic: false },
      ...options,
    });
    closing.push(() => tenancy.stop());
    const orm = await MikroORM.init(tenancy.orm({ entities }));
    closing.push(() => orm.close());
    return { tenancy, orm };
  };
  const direct = await openShop();
  closing.push(() => direct.close());
  await direct.signUp(...tenants);
  const pgbouncer = await startPgBouncer(backends).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  closing.push(() => pgbouncer.stop());
  const url = pgbouncer.through((await madeLogin(direct.database)).url);
  return { direct, pgbouncer, url, start, close };
}
