import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Shop } from '../../../../test/support/shop.js';
import type { ScopedPool } from '../../src/isolation/scoped-pool.js';
import { type House, type Houses, openHouses, streamed } from './support/houses.js';
import { settingsOf } from './support/pools.js';

let houses: Houses;
let shop: Shop;
let pool: ScopedPool;
let guarded: House;
let bare: House;
beforeAll(async () => {
  houses = await openHouses();
  ({ shop, pool, guarded, bare } = houses);
});
afterAll(() => houses.close());

const text = (rows: unknown) => JSON.stringify(rows ?? 'nothing');
const ignored = () => undefined;
const foreign = 'select name from globex_shop.widget';

/** Each answers, as text, what code of acme saw through a side door; or what globex saw of acme's. */
const doors: Readonly<Record<string, { readonly seen: (house: House) => Promise<string>; readonly leak: string }>> = {
  'a stream that sets a role': {
    leak: 'globex widget',
    seen: async (house) => {
      let rows: unknown;
      await house.inTransaction('acme', async (em) => {
        await streamed(em, 'set local role globex_shop').catch(ignored);
        rows = await em.execute(foreign);
      });
      return text(rows);
    },
  },
  'a stream that ends the transaction and begins the next': {
    leak: 'globex widget',
    seen: async (house) => {
      let rows: unknown;
      await house.inTransaction('acme', async (em) => {
        await streamed(em, 'set local role globex_shop').catch(ignored);
        await streamed(em, 'commit and chain').catch(ignored);
        rows = await em.execute(foreign);
      });
      return text(rows);
    },
  },
  'a stream that calls set_config': {
    leak: 'globex widget',
    seen: async (house) => {
      let rows: unknown;
      await house.inTransaction('acme', async (em) => {
        rows = await streamed(
          em,
          `select set_config('role', 'globex_shop', true), query_to_xml('${foreign}', true, true, '')::text as xml`,
        );
      });
      return text(rows);
    },
  },
  'a cursor that is declared by a stream and outlives its transaction': {
    leak: 'acme widget',
    seen: async (house) => {
      await house.inTransaction('acme', (em) =>
        streamed(em, 'declare h cursor with hold for select name from acme_shop.widget'),
      );
      return text(await house.run('globex', (em) => em.execute('fetch all from h')).catch(ignored));
    },
  },
  'a cursor that is named like the word before its own': {
    leak: 'acme widget',
    seen: async (house) => {
      await house.inTransaction('acme', (em) =>
        em.execute('declare cursor cursor with hold for select name from acme_shop.widget'),
      );
      return text(await house.run('globex', (em) => em.execute('fetch all from cursor')).catch(ignored));
    },
  },
  'a prepared statement of a stream': {
    leak: 'acme widget',
    seen: async (house) => {
      await house.inTransaction('acme', (em) => streamed(em, 'prepare s as select name from acme_shop.widget'));
      return text(await house.run('globex', (em) => em.execute('execute s')).catch(ignored));
    },
  },
  'a session’s setting of a stream': {
    leak: 'Asia/Tokyo',
    seen: async (house) => {
      await house.inTransaction('acme', (em) => streamed(em, "set timezone to 'Asia/Tokyo'"));
      return text(await house.run('globex', (em) => em.execute('show timezone')));
    },
  },
  'a parameter that is named like a word of SET': {
    leak: 'from acme',
    seen: async (house) => {
      await house.run('acme', (em) => em.execute("set local.leak = 'from acme'")).catch(ignored);
      await house.run('acme', (em) => em.execute("set transaction.leak = 'from acme'")).catch(ignored);
      const look = "select current_setting('local.leak', true), current_setting('transaction.leak', true) as leak";
      return text(await house.run('globex', (em) => em.execute(look)));
    },
  },
};

describe.each(Object.entries(doors))('%s', (_, { seen, leak }) => {
  it('does not show another tenant’s rows', async () => {
    expect(await seen(guarded)).not.toContain(leak);
    await expectServing();
  });

  it('without the wall: shows them', async () => {
    expect(await seen(bare)).toContain(leak);
    await houses.resetBare();
  });
});

describe('a scope that cannot be entered', () => {
  const revoke = () => shop.database.admin.query(`revoke acme_shop from tenantry_${shop.database.name}`);
  const grant = () => shop.database.admin.query(`grant acme_shop to tenantry_${shop.database.name}`);
  beforeEach(async () => {
    await shop.tenancy.run('acme', () => undefined);
  });

  it('sends nothing of a stream, neither inside a transaction nor outside one', async () => {
    const { admin } = shop.database;
    await admin.query('create sequence public.sent; grant usage on sequence public.sent to public');
    const query = "select nextval('public.sent')";
    await revoke();
    try {
      const refused = { code: 'TENANCY_SCOPE_REFUSED' };
      await expect(guarded.run('acme', (em) => streamed(em, query))).rejects.toMatchObject(refused);
      await expect(
        guarded.run('acme', (em) => em.transactional((inner) => streamed(inner, query))),
      ).rejects.toMatchObject(refused);
      await guarded.inTransaction('acme', async (em) => {
        await expect(em.execute(query)).rejects.toMatchObject(refused);
        await expect(streamed(em, query)).rejects.toMatchObject(refused);
      });
    } finally {
      await grant();
    }
    expect((await admin.query('select is_called from public.sent')).rows).toEqual([{ is_called: false }]);
    await admin.query('drop sequence public.sent');
    await expectServing();
  });
});

/** The one connection serves both tenants, and nothing stays on it. */
async function expectServing(): Promise<void> {
  for (const tenant of ['acme', 'globex']) {
    expect(await guarded.run(tenant, (em) => em.execute('select name from widget'))).toEqual([
      { name: `${tenant} widget` },
    ]);
  }
  const client = await pool.connect();
  expect(await settingsOf(client)).toMatchObject({ role: 'none', timeout: '0', idle: true });
  client.release();
}
