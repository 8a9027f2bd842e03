import type { EntityManager } from '@mikro-orm/postgresql';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { serviceUrl } from './support/pools.js';
import { stock } from './support/stock.js';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp('acme', 'globex');
  await stock(shop, 'acme', 'globex');
});
afterAll(() => shop.close());

const neighbour = 'select name from globex_shop.widget';
const switching = `select set_config('role', 'globex_shop', true), query_to_xml('${neighbour}', true, false, '')::text as rows`;
const inTransaction = <T>(fn: (em: EntityManager) => Promise<T>) =>
  shop.tenancy.run('acme', () => shop.orm.em.transactional(fn));

describe('within one transaction', () => {
  it.each([
    'set local role globex_shop',
    'set local role none',
    'SET /* to */ LOCAL "role" = globex_shop',
    'set local session authorization default',
    'savepoint a',
  ])('keeps the next statement in its scope after: %s', async (sql) => {
    await expect(inTransaction(async (em) => (await em.execute(sql), em.execute(neighbour)))).rejects.toMatchObject({
      code: '42501',
    });
    const role = await inTransaction(
      async (em) => (await em.execute(sql), em.execute('select current_user::text as role')),
    );
    expect(role).toEqual([{ role: 'acme_shop' }]);
  });

  it('keeps bare names in the tenant’s schema after another search_path was set', async () => {
    const rows = await inTransaction(async (em) => {
      await em.execute('set local search_path to globex_shop');
      return em.execute('select name from widget');
    });
    expect(rows).toEqual([{ name: 'acme widget' }]);
  });

  it('keeps the scope after a rollback to a savepoint that was taken in another role', async () => {
    const rows = await inTransaction(async (em) => {
      await em.execute('set local role none');
      await em.execute('savepoint a');
      await em.execute('set local role globex_shop');
      await em.execute('rollback to savepoint a');
      return em.execute('select name, current_user::text as role from widget');
    });
    expect(rows).toEqual([{ name: 'acme widget', role: 'acme_shop' }]);
  });

  it('keeps limits that the transaction set for itself', async () => {
    const rows = await inTransaction(async (em) => {
      await em.execute("set local statement_timeout to '77s'");
      await em.execute("set local lock_timeout to '3s'");
      return em.execute(
        "select current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock, current_user::text as role",
      );
    });
    expect(rows).toEqual([{ statement: '77s', lock: '3s', role: 'acme_shop' }]);
  });
});

describe('within one statement', () => {
  const attempts = {
    'set_config inside a select': switching,
    'a do block': `do $$ begin execute 'set local role globex_shop'; end $$`,
    'a stacked statement': `select 1; set role globex_shop; ${neighbour}`,
    'a prepared statement': 'prepare p as select 1',
  };
  it.each(Object.entries(attempts))('refuses %s, in a tenant’s scope, in the catalog’s and in none', async (_, sql) => {
    await expect(shop.tenancy.run('acme', () => shop.orm.em.execute(sql))).rejects.toThrow(
      /denied|multiple commands|cannot carry/,
    );
    await expect(shop.tenancy.runInCatalog(() => shop.orm.em.execute(sql))).rejects.toThrow(
      /denied|multiple commands|cannot carry/,
    );
    await expect(shop.orm.em.fork().execute(sql)).rejects.toThrow(
      /denied|multiple commands|cannot carry|outside any scope/,
    );
  });
});

describe('without the wall', () => {
  const asLogin = async <T>(fn: (client: pg.Client) => Promise<T>): Promise<T> => {
    const client = new pg.Client({ connectionString: await serviceUrl(shop) });
    await client.connect();
    try {
      return await fn(client);
    } finally {
      await client.end();
    }
  };

  it('reads the neighbour after set local role, in a transaction whose first statement set the scope', async () => {
    const names = await asLogin(async (client) => {
      await client.query('begin');
      await client.query('set local role acme_shop');
      await client.query('set local role globex_shop');
      return (await client.query(neighbour)).rows;
    });
    expect(names).toEqual([{ name: 'globex widget' }]);
  });

  it('reads the neighbour with a stacked statement, where the simple protocol carries it', async () => {
    const results = await asLogin(async (client) => {
      const stacked = await client.query(`set role acme_shop; select 1; set role globex_shop; ${neighbour}`);
      return (stacked as unknown as pg.QueryResult[]).at(-1)?.rows;
    });
    expect(results).toEqual([{ name: 'globex widget' }]);
  });

  it('reads the neighbour in one statement as the login itself, which is why no scope runs as it', async () => {
    const [row] = await asLogin(async (client) => (await client.query<{ rows: string }>(switching)).rows);
    expect(row?.rows).toContain('globex widget');
  });

  it('reads the neighbour in one statement once PUBLIC has set_config again', async () => {
    const { admin } = shop.database;
    await admin.query('grant execute on function pg_catalog.set_config(text, text, boolean) to public');
    const [row] = await shop.tenancy.run('acme', () => shop.orm.em.execute<{ rows: string }[]>(switching));
    expect(row?.rows).toContain('globex widget');
    await admin.query('revoke execute on function pg_catalog.set_config(text, text, boolean) from public');
  });
});
