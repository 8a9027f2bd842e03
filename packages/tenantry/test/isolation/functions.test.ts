import { IsolationLevel } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Shop } from '../../../../test/support/shop.js';
import { until } from '../../../../test/support/until.js';
import { type House, type Houses, openHouses, streamed } from './support/houses.js';

let houses: Houses;
let shop: Shop;
let guarded: House;
let bare: House;
beforeAll(async () => {
  houses = await openHouses();
  ({ shop, guarded, bare } = houses);
});
afterAll(() => houses.close());

const foreign = 'select name from globex_shop.widget';

describe('a function that sets the role', () => {
  it('lends it to no later statement of its transaction', async () => {
    const rows = await guarded.run('acme', (em) =>
      em.transactional(async (inner) => {
        await inner.execute('select become_globex()');
        return inner.execute('select current_user::text as role, name from widget');
      }),
    );
    expect(rows).toEqual([{ role: 'acme_shop', name: 'acme widget' }]);
    await guarded.inTransaction('acme', async (em) => {
      await em.execute('select become_globex()');
      await expect(em.execute(foreign)).rejects.toMatchObject({ code: '42501' });
    });
    await guarded.inTransaction('acme', async (em) => {
      await em.execute('select become_globex()');
      await expect(streamed(em, foreign)).rejects.toThrow('permission denied');
    });
  });

  it('lends it to no trigger that waits for the end of the transaction', async () => {
    const { admin } = shop.database;
    await admin.query(`
      create function acme_shop.note() returns trigger language plpgsql as
        $$ begin insert into acme_shop.tag (name) values (current_user); return null; end $$;
      create constraint trigger noting after insert on acme_shop.maker deferrable initially deferred
        for each row execute function acme_shop.note();
    `);
    await guarded.run('acme', (em) =>
      em.transactional(async (inner) => {
        await inner.execute("insert into maker (name) values ('acme noted')");
        await inner.execute('select become_globex()');
      }),
    );
    const { rows } = await admin.query("delete from acme_shop.tag where name not like 'acme tag' returning name");
    expect(rows).toEqual([{ name: 'acme_shop' }]);
    await admin.query("drop trigger noting on acme_shop.maker; delete from acme_shop.maker where name = 'acme noted'");
  });

  it('without the wall: is who the transaction is from then on', async () => {
    const rows = await bare.run('acme', (em) =>
      em.transactional(async (inner) => {
        await inner.execute('select acme_shop.become_globex()');
        return inner.execute(foreign);
      }),
    );
    expect(rows).toEqual([{ name: 'globex widget' }]);
  });
});

it('enters a transaction that follows another by “commit and chain”, its limits included', async () => {
  const rows = await guarded.run('acme', (em) =>
    em.transactional(async (inner) => {
      await inner.execute('select 1');
      await inner.execute('commit and chain');
      return inner.execute(
        "select current_user::text as role, current_setting('statement_timeout') as statement, current_setting('idle_in_transaction_session_timeout') as idle",
      );
    }),
  );
  expect(rows).toEqual([{ role: 'acme_shop', statement: '10s', idle: '10s' }]);
});

it('keeps a limit that a transaction chose for itself, also past a savepoint', async () => {
  const limits = await guarded.run('acme', (em) =>
    em.transactional(async (inner) => {
      const limit = async () => (await inner.execute('show statement_timeout'))[0];
      await inner.execute("set local statement_timeout to '7s'");
      await inner.execute('savepoint s');
      const before = await limit();
      await inner.execute('rollback to savepoint s');
      return [before, await limit()];
    }),
  );
  expect(limits).toEqual([{ statement_timeout: '7s' }, { statement_timeout: '7s' }]);
});

it('prepares its own statement again where a function has deallocated it', async () => {
  for (let round = 0; round < 3; round++) {
    await guarded.run('acme', (em) => em.execute('select forget()'));
    expect(await guarded.run('globex', (em) => em.execute('select name from widget'))).toEqual([
      { name: 'globex widget' },
    ]);
    await guarded.run('acme', (em) => em.execute('select forget()'));
    const inside = (em: EntityManager) => em.transactional((inner) => inner.execute('select name from widget'));
    expect(await guarded.run('acme', inside)).toEqual([{ name: 'acme widget' }]);
  }
});

describe('a function that changes the session', () => {
  const both = async () => {
    const rows: unknown[] = [];
    for (const tenant of ['acme', 'globex']) {
      rows.push(
        ...(await guarded.run(tenant, (em) => em.execute('select current_user::text as role, name from widget'))),
      );
    }
    return rows;
  };
  const own = [
    { role: 'acme_shop', name: 'acme widget' },
    { role: 'globex_shop', name: 'globex widget' },
  ];

  it.each([
    'set role globex_shop',
    'deallocate all; set role globex_shop; set search_path to globex_shop',
    'prepare tenantry_scope (text, text, text, text) as select 1; set role globex_shop; set search_path to globex_shop',
  ])('serves nobody in its place: %s', async (sql) => {
    const calls = sql.split('; ').map((one) => `exec('${one}')`);
    await guarded.run('acme', (em) => em.execute(`select ${calls.join(', ')}`));
    expect(await both()).toEqual(own);
    expect(await both()).toEqual(own);
  });

  it.each([
    ['timezone', 'Asia/Tokyo'],
    ['datestyle', 'German'],
    ['client_encoding', 'LATIN1'],
    ['default_transaction_read_only', 'on'],
    ['application_name', 'acme'],
  ])('leaves nothing that PostgreSQL reports to the next: %s', async (name, value) => {
    const show = async () => JSON.stringify(await guarded.run('globex', (em) => em.execute(`show ${name}`)));
    const before = await show();
    await guarded.run('acme', (em) => em.execute(`select exec('set ${name} to ''${value}''')`));
    expect(await show()).toBe(before);
  });

  it('cannot learn the name of what enters scopes', async () => {
    await expect(
      guarded.run('acme', (em) => em.execute('select name from pg_prepared_statements')),
    ).rejects.toMatchObject({ code: '42501' });
  });

  it('without the wall: is whoever comes next', async () => {
    await bare.run('acme', (em) => em.execute("select acme_shop.exec('set role globex_shop')"));
    expect(await bare.run('acme', (em) => em.execute('select current_user::text as role'))).toEqual([
      { role: 'globex_shop' },
    ]);
    await houses.resetBare();
  });
});

it('enters its scope again after a cursor that was not read to its end', async () => {
  await guarded.inTransaction('acme', async (em) => {
    const names: unknown[] = [];
    const rows = em.getConnection().stream('select become_globex(), name from widget', [], em.getTransactionContext());
    for await (const row of rows) {
      names.push(row);
      break;
    }
    expect(names).toHaveLength(1);
    await expect(em.execute(foreign)).rejects.toMatchObject({ code: '42501' });
  });
});

it('takes no snapshot before a lock, so what was committed while it waited is seen', async () => {
  const { admin } = shop.database;
  const other = await admin.connect();
  await other.query('begin');
  await other.query("insert into acme_shop.tag (name) values ('acme committed')");
  const counting = guarded.run('acme', (em) =>
    em.transactional(
      async (inner) => {
        await inner.execute('lock table tag in exclusive mode');
        return inner.execute("select count(*)::int as count from tag where name = 'acme committed'");
      },
      { isolationLevel: IsolationLevel.REPEATABLE_READ },
    ),
  );
  await until('it waits for the lock', async () => {
    const { rowCount } = await admin.query(
      "select 1 from pg_locks where not granted and relation = 'acme_shop.tag'::regclass and database = (select oid from pg_database where datname = current_database())",
    );
    return rowCount === 1;
  });
  await other.query('commit');
  other.release();
  expect(await counting).toEqual([{ count: 1 }]);
  await admin.query("delete from acme_shop.tag where name = 'acme committed'");
});

describe('a procedure that ends its transaction', () => {
  it('runs inside a transaction only, where PostgreSQL does not let it', async () => {
    await expect(guarded.run('acme', (em) => em.execute('call halves()'))).rejects.toMatchObject({
      code: 'TENANCY_STATEMENT_REFUSED',
    });
    const inside = (em: EntityManager) => em.transactional((inner) => inner.execute('call halves()'));
    await expect(guarded.run('acme', inside)).rejects.toMatchObject({ code: '2D000' });
    await expect(guarded.run('acme', (em) => streamed(em, 'call halves()'))).rejects.toThrow();
    const { rows } = await shop.database.admin.query("select 1 from acme_shop.maker where name not like 'acme%'");
    expect(rows).toEqual([]);
  });

  it('without the wall: runs its second half as the login', async () => {
    await bare.run('acme', (em) => em.execute('call acme_shop.halves()'));
    const { rows } = await shop.database.admin.query(
      "delete from acme_shop.maker where name not like 'acme%' returning name",
    );
    expect(rows).toEqual([{ name: new URL(shop.database.url).username }]);
  });
});
