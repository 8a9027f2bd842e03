import pg from 'pg';
import Cursor from 'pg-cursor';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import type { ScopedPool } from '../../src/isolation/scoped-pool.js';
import { scopedPool } from './support/pools.js';
import { stock, widgetNames } from './support/stock.js';

let shop: Shop;
let pool: ScopedPool;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp('acme', 'globex');
  await stock(shop, 'acme', 'globex');
});
beforeEach(async () => {
  pool = await scopedPool(shop);
});
afterEach(async () => {
  const { rows } = await as('globex', () => pool.query('select name from widget'));
  expect(rows).toEqual([{ name: 'globex widget' }]);
  await pool.end();
});
afterAll(() => shop.close());

const as = <T>(tenant: string, fn: () => Promise<T>) => shop.tenancy.run(tenant, fn);

describe('a statement that cannot be sent', () => {
  it.each([[{}], [{ text: 7 }], [{ values: [] }]])('fails, and the connection goes on: %j', async (config) => {
    const client = await pool.connect();
    await expect(as('acme', () => client.query(config as never))).rejects.toThrow('text');
    await expect(as('acme', async () => client.query(undefined as never))).rejects.toThrow(TypeError);
    expect((await as('acme', () => client.query('select 1 as one'))).rows).toEqual([{ one: 1 }]);
    client.release();
  });

  it('leaves the gate as it was, so that the next one enters its scope', async () => {
    const fresh = await scopedPool(shop);
    const client = await fresh.connect();
    const outcomes = await as('acme', () =>
      Promise.allSettled([
        client.query('select $1', 'x' as never),
        client.query('begin'),
        client.query('select current_user::text as role'),
        client.query('rollback'),
      ]),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled', 'fulfilled']);
    expect(outcomes[2]).toMatchObject({ value: { rows: [{ role: 'acme_shop' }] } });
    client.release();
    await fresh.end();
  });

  it('is told by PostgreSQL as a query object and as a cursor too, and its name is forgotten', async () => {
    const client = await pool.connect();
    const mistake = { code: '42601', position: '1' };
    await as('acme', async () => {
      const asked = (config: object) =>
        new Promise((resolve, reject) => {
          client.query(
            new pg.Query(config as never, (error: Error | null | undefined, result: unknown) =>
              error ? reject(error) : resolve(result),
            ),
          );
        });
      await expect(asked({ text: 'selec 1', name: 'one' })).rejects.toMatchObject(mistake);
      expect(await asked({ text: 'select 1 as one', name: 'one' })).toMatchObject({ rows: [{ one: 1 }] });
      await expect(client.query(new Cursor('selec 1')).read(1)).rejects.toMatchObject(mistake);
      const odd = client.query(new Cursor("select $1::text as text, '\ud800' as odd", ['a']));
      expect(await odd.read(1)).toEqual([{ text: 'a', odd: '\ufffd' }]);
      await odd.close();
    });
    client.release();
  });

  it('is refused on the pool where nobody would know when its connection is free', async () => {
    await expect(as('acme', () => pool.query(new Cursor('select 1') as never))).rejects.toMatchObject({
      code: 'TENANCY_STATEMENT_REFUSED',
    });
  });

  it('reads what a library keeps in getters', async () => {
    class Tagged {
      readonly #values = ['seven'];
      get text(): string {
        return 'select $1::text as value';
      }
      get values(): string[] {
        return this.#values;
      }
    }
    const { rows } = await as('acme', () => pool.query<{ value: string }>(new Tagged() as unknown as pg.QueryConfig));
    expect(rows).toEqual([{ value: 'seven' }]);
  });

  it('is told once, to a callback too', async () => {
    const client = await pool.connect();
    const unsendable = { toPostgres: () => { throw new Error('no such value'); } }; // prettier-ignore
    const told: (string | undefined)[] = [];
    await as('acme', async () => {
      client.query('select $1::text', [unsendable], (error) => told.push(error?.message));
      await client.query('select 1');
    });
    expect(told).toEqual(['no such value']);
    client.release();
  });

  it('is told by PostgreSQL where it is a mistake, and not run', async () => {
    await expect(as('acme', () => pool.query('selec 1'))).rejects.toMatchObject({ code: '42601', position: '1' });
    await expect(as('acme', () => pool.query('begin; drop table widget'))).rejects.toMatchObject({ code: '42601' });
  });
});

describe('a message that the gate did not admit', () => {
  interface Reached {
    query(text: string): void;
    parse(message: object): void;
    execute(message: object): void;
    sync(): void;
  }
  const reach = (client: pg.PoolClient) => (client as unknown as { connection: Reached }).connection;

  it.each([
    [
      'a text',
      (client: pg.PoolClient) => reach(client).query("insert into acme_shop.widget (name) values ('acme extra')"),
    ],
    ['an Execute alone', (client: pg.PoolClient) => (reach(client).execute({ portal: 'C_1' }), reach(client).sync())],
    [
      'a statement',
      (client: pg.PoolClient) => (reach(client).parse({ text: 'select 1', name: 'p' }), reach(client).sync()),
    ],
  ])('closes the connection it was written to: %s', async (_, send) => {
    const client = await pool.connect();
    const lost = new Promise((resolve) => client.once('error', resolve));
    send(client);
    await expect(lost).resolves.toMatchObject({ code: 'TENANCY_STATEMENT_REFUSED' });
    client.release();
    expect(await widgetNames(shop, 'acme')).toEqual(['acme widget']);
  });

  type Wire = Reached & { bind(message: object): void; flush(): void };
  const globex = "select set_config('role', 'globex_shop', true), query_to_xml('select * from widget', true, true, '')";
  it.each<[string, string, (wire: Wire) => void]>([
    [
      'several by the simple protocol',
      'select 1; set local role globex_shop',
      (wire) => wire.query('select 1; set local role globex_shop'),
    ],
    ['another text', 'select 1', (wire) => wire.query('set role globex_shop')],
    ['its text after its end', globex, (wire) => (wire.sync(), wire.parse({ text: globex }), wire.sync())],
    ['its text twice', globex, (wire) => (wire.parse({ text: globex }), wire.parse({ text: globex }), wire.sync())],
    ['a statement by name', 'select 1', (wire) => (wire.bind({ statement: 'tenantry_scope' }), wire.sync())],
    ['its text and another', 'select 1', (wire) => (wire.query('select 1'), wire.query('set role globex_shop'))],
  ])('closes it too when an object sends %s', async (_, shown, send) => {
    const client = await pool.connect();
    const refused = new Promise((_resolve, reject) => {
      const liar = {
        text: shown,
        submit: (wire: Wire) => send(wire),
        handleError: reject,
        handleRowDescription: () => undefined,
        handleDataRow: () => reject(new Error('It was answered.')),
        handleCommandComplete: () => undefined,
        handleReadyForQuery: () => reject(new Error('It was sent.')),
      };
      void as('acme', async () => void client.query(liar as never));
    });
    await expect(refused).rejects.toMatchObject({ code: 'TENANCY_STATEMENT_REFUSED' });
    client.release();
  });
});
