import { type EntityManager, MikroORM } from '@mikro-orm/postgresql';
import { openShop, type Shop } from '../../../../../test/support/shop.js';
import { widgetEntities } from '../../../../../test/support/widgets.js';
import type { ScopedPool } from '../../../src/isolation/scoped-pool.js';
import { ormOptions } from '../../../src/orms/mikro-orm/orm-options.js';
import { scopedPool } from './pools.js';
import { stock } from './stock.js';
import { openUnguarded } from './unguarded.js';

/** Where a way out is tried. */
export interface House {
  run<T>(tenant: string, fn: (em: EntityManager) => Promise<T>): Promise<T>;
  /** Whether the transaction succeeds is not asked. */
  inTransaction(tenant: string, fn: (em: EntityManager) => Promise<unknown>): Promise<unknown>;
}

/** The same database with two tenants, once with the gate and once without, each over one connection. */
export interface Houses {
  readonly shop: Shop;
  readonly pool: ScopedPool;
  readonly guarded: House;
  readonly bare: House;
  /** Takes back what was left on the connection that has no gate. */
  resetBare(): Promise<void>;
  close(): Promise<void>;
}

export async function openHouses(): Promise<Houses> {
  const shop = await openShop();
  await shop.signUp('acme', 'globex');
  await stock(shop, 'acme', 'globex');
  for (const tenant of ['acme', 'globex']) await shop.database.admin.query(functionsOf(tenant));
  const pool = await scopedPool(shop);
  const orm = await MikroORM.init(ormOptions(pool, shop.database.name, { entities: widgetEntities }));
  const unguarded = await openUnguarded(shop.database.url, 1);
  return {
    shop,
    pool,
    guarded: house((tenant, fn) => shop.tenancy.run(tenant, () => fn(orm.em.fork()))),
    bare: house((tenant, fn) => unguarded.tenancy.run(tenant, () => fn(unguarded.orm.em.fork()))),
    resetBare: () => unguarded.reset(),
    close: async () => {
      await unguarded.close();
      await orm.close();
      await pool.end();
      await shop.close();
    },
  };
}

/** All rows of a stream, in the transaction that is open, if one is. */
export async function streamed(em: EntityManager, text: string): Promise<object[]> {
  const rows: object[] = [];
  for await (const row of em.getConnection().stream<object>(text, [], em.getTransactionContext())) rows.push(row);
  return rows;
}

function house(run: House['run']): House {
  return { run, inTransaction: (tenant, fn) => run(tenant, (em) => em.transactional(fn).catch(() => undefined)) };
}

/** As a migration may make them. PostgreSQL lets them do what a statement may. */
function functionsOf(tenant: string): string {
  return `
    create function ${tenant}_shop.become_globex() returns void language plpgsql as $$ begin set local role globex_shop; end $$;
    create function ${tenant}_shop.forget() returns void language plpgsql as $$ begin execute 'deallocate all'; end $$;
    create function ${tenant}_shop.exec(text) returns text language plpgsql as $$ begin execute $1; return $1; end $$;
    create procedure ${tenant}_shop.halves() language plpgsql as $$
      begin commit; insert into ${tenant}_shop.maker (name) values (current_user); end $$;
  `;
}
