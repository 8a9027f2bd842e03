import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { until } from '../../../../test/support/until.js';
import type { ScopedPool } from '../../src/isolation/scoped-pool.js';
import { plainPool, scopedPool, settingsOf } from './support/pools.js';
import { stock, widgetNames } from './support/stock.js';

let shop: Shop;
let pool: ScopedPool;
let client: pg.PoolClient;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp('acme', 'globex');
  await stock(shop, 'acme', 'globex');
});
beforeEach(async () => {
  pool = await scopedPool(shop);
  client = await pool.connect();
});
afterEach(async () => {
  client.release();
  // Whoever comes next gets the same connection, in order.
  const { rows } = await shop.tenancy.run('globex', () => pool.query('select name from widget'));
  expect(rows).toEqual([{ name: 'globex widget' }]);
  await pool.end();
  await shop.database.admin.query("delete from acme_shop.widget where name <> 'acme widget'");
});
afterAll(() => shop.close());

const as = <T>(tenant: string, fn: () => Promise<T>) => shop.tenancy.run(tenant, fn);
const write = (lines: readonly string[], into = 'copy widget (name) from stdin') =>
  pipeline(Readable.from(lines.map((line) => `${line}\n`)), client.query(copyFrom(into)) as Writable);
async function read(sql = 'copy (select name from widget order by id) to stdout'): Promise<string> {
  let text = '';
  for await (const chunk of client.query(copyTo(sql)) as AsyncIterable<Buffer>) text += chunk.toString();
  return text;
}

describe('COPY of a library', () => {
  it('writes and reads in a transaction of its own, done when it says so', async () => {
    await as('acme', () => write(['acme one', 'acme two']));
    expect(await widgetNames(shop, 'acme')).toEqual(['acme widget', 'acme one', 'acme two']);
    expect(await as('acme', () => read())).toBe('acme widget\nacme one\nacme two\n');
    expect(await as('globex', () => read())).toBe('globex widget\n');
    expect(await settingsOf(client)).toMatchObject({ role: 'none', idle: true });
  });

  it('is part of an open transaction', async () => {
    await as('acme', async () => {
      await client.query('begin');
      await write(['acme gone']);
      expect(await read()).toBe('acme widget\nacme gone\n');
      await client.query('rollback');
    });
    expect(await widgetNames(shop, 'acme')).toEqual(['acme widget']);
  });

  it('is the first of a transaction, and comes after a role was changed in it', async () => {
    await as('acme', async () => {
      await client.query('begin isolation level serializable');
      expect(await read()).toBe('acme widget\n');
      await client.query('set local role globex_shop');
      expect(await read()).toBe('acme widget\n');
      await expect(read('copy globex_shop.widget to stdout')).rejects.toMatchObject({ code: '42501' });
      await client.query('rollback');
    });
  });

  it('reaches no other tenant', async () => {
    const denied = { code: '42501' };
    await expect(as('acme', () => read('copy globex_shop.widget to stdout'))).rejects.toMatchObject(denied);
    await expect(as('acme', () => write(['x'], 'copy globex_shop.maker (name) from stdin'))).rejects.toMatchObject(
      denied,
    );
    await expect(as('acme', () => read("copy widget to program 'cat'"))).rejects.toMatchObject({
      code: 'TENANCY_STATEMENT_REFUSED',
    });
  });

  it('leaves nothing when its data is wrong or its reader goes away', async () => {
    await expect(as('acme', () => write(['1\t2\t3']))).rejects.toMatchObject({ code: '22P04' });
    const destroyed = as('acme', async () => {
      const into = client.query(copyFrom('copy widget (name) from stdin')) as Writable;
      into.write('acme half\n');
      into.destroy(new Error('changed my mind'));
      await new Promise((_, reject) => into.on('error', reject));
    });
    await expect(destroyed).rejects.toThrow('changed my mind');
    expect(await widgetNames(shop, 'acme')).toEqual(['acme widget']);
  });

  it('is refused before it is sent when its direction is not that of the stream', async () => {
    const refused = { code: 'TENANCY_STATEMENT_REFUSED' };
    await expect(as('acme', () => read('copy widget from stdin'))).rejects.toMatchObject(refused);
    await expect(as('acme', () => write(['x'], 'copy widget to stdout'))).rejects.toMatchObject(refused);
    await expect(as('acme', () => read('select 1'))).rejects.toMatchObject(refused);
    await expect(as('acme', () => write(['x'], 'set role globex_shop'))).rejects.toMatchObject(refused);
  });

  it('closes its connection when its reader stops, and whoever comes next has another', async () => {
    await as('acme', async () => {
      for await (const chunk of client.query(copyTo('copy (select generate_series(1, 100000)) to stdout'))) {
        expect(chunk).toBeDefined();
        break;
      }
      await expect(client.query('select 1')).rejects.toThrow();
    });
  });

  it('is one statement, whatever comes after it', async () => {
    const more = "; set local role globex_shop; insert into globex_shop.tag (name) values ('by acme')";
    await expect(as('acme', () => read(`copy (select 1) to stdout${more}`))).rejects.toMatchObject({ code: '42601' });
    await expect(as('acme', () => write(['x'], `copy widget (name) from stdin${more}`))).rejects.toMatchObject({
      code: '42601',
    });
    await as('acme', async () => {
      await client.query('begin');
      await client.query('set local standard_conforming_strings to off');
      await expect(read(`copy (select '\\' , ') to stdout${more} --') to stdout`)).rejects.toMatchObject({
        code: '42601',
      });
      await client.query('rollback');
    });
    const { rows } = await shop.database.admin.query("select name from globex_shop.tag where name = 'by acme'");
    expect(rows).toEqual([]);
  });

  it('takes either name for the other side, as PostgreSQL does', async () => {
    await as('acme', () => write(['acme one'], 'copy widget (name) from stdout'));
    expect(await as('acme', () => read('copy (select name from widget order by id) to stdin'))).toBe(
      'acme widget\nacme one\n',
    );
    await expect(as('acme', () => client.query('copy widget from stdout'))).rejects.toMatchObject({
      code: 'TENANCY_STATEMENT_REFUSED',
    });
  });

  it('that took too long for its caller leaves no transaction open', async () => {
    const hurried = await scopedPool(shop, { query_timeout: 1 });
    const one = await hurried.connect();
    await as('acme', async () => {
      const into = one.query(copyFrom('copy widget (name) from stdin')) as Writable;
      into.on('error', () => undefined);
      await new Promise((resolve) => into.once('error', resolve));
    });
    one.release();
    await until('its transaction is over', async () => {
      const open = "select 1 from pg_stat_activity where datname = current_database() and state like 'idle in%'";
      return (await shop.database.admin.query(open)).rowCount === 0;
    });
    await hurried.end();
  });

  it('sends nothing in a transaction of another scope, or in a scope that cannot be entered', async () => {
    await as('acme', async () => void (await client.query('begin')));
    await expect(as('globex', () => read())).rejects.toMatchObject({ code: 'TENANCY_SCOPE_MISMATCH' });
    await as('acme', async () => void (await client.query('rollback')));
    const login = `tenantry_${shop.database.name}`;
    await shop.database.admin.query(`revoke acme_shop from ${login}`);
    const refused = { code: 'TENANCY_SCOPE_REFUSED' };
    await expect(as('acme', () => read())).rejects.toMatchObject(refused);
    await expect(as('acme', () => write(['x']))).rejects.toMatchObject(refused);
    await shop.database.admin.query(`grant acme_shop to ${login}`);
    expect(await as('acme', () => read())).toBe('acme widget\n');
  });
});

it.each(['copy widget from stdin', '/* a */ COPY widget (name) FROM /* b */ STDIN', 'copy widget to stdout'])(
  'is refused as a statement, and the connection goes on: %s',
  async (sql) => {
    await expect(as('acme', () => client.query(sql))).rejects.toMatchObject({ code: 'TENANCY_STATEMENT_REFUSED' });
    expect(await as('acme', () => read())).toBe('acme widget\n');
  },
);

it('without the wall: COPY on a plain pool reads whatever its connection was left with', async () => {
  const plain = await plainPool(shop);
  const first = await plain.connect();
  await first.query('set role globex_shop; set search_path to globex_shop');
  first.release();
  const next = await plain.connect();
  let text = '';
  for await (const chunk of next.query(copyTo('copy (select name from widget) to stdout'))) text += String(chunk);
  expect(text).toBe('globex widget\n');
  next.release(true);
  await plain.end();
});
