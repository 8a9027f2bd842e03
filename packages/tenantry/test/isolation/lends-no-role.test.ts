import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Houses, openHouses } from './support/houses.js';

let houses: Houses;
beforeAll(async () => {
  houses = await openHouses();
  await houses.shop.database.admin.query(`
    create procedure acme_shop.switch() language plpgsql as $$ begin set local role globex_shop; end $$;
    create function acme_shop.switching() returns trigger language plpgsql as $$ begin set local role globex_shop; return null; end $$;
    create trigger switching after insert on acme_shop.maker execute function acme_shop.switching();
    create constraint trigger late after insert on acme_shop.tag deferrable initially deferred
      for each row execute function acme_shop.switching();
    create view acme_shop.switched as select acme_shop.exec('set local role globex_shop');
    grant select on acme_shop.switched to acme_shop;
    -- Without it nobody who serves has a DO block.
    grant usage on language plpgsql to public;
  `);
});
afterAll(() => houses.close());

/** Statements of an acme transaction that run code, which makes it globex's. */
const doors: Readonly<Record<string, readonly string[]>> = {
  'a procedure': ['call switch()'],
  'a DO block': ['do $$ begin set local role globex_shop; end $$'],
  'a function in a select': ['select become_globex()'],
  'a function in a list of values': ["values (exec('set local role globex_shop'))"],
  'a function in a WITH': ["with x as (select exec('set local role globex_shop')) select * from x"],
  'a function in what is explained': ["explain (analyze) select exec('set local role globex_shop')"],
  'a function in an update': ["update widget set name = name where exec('set local role globex_shop') is null"],
  'a function in a merge': [
    "merge into widget using (select exec('set local role globex_shop') as x) s on widget.name = s.x when matched then do nothing",
  ],
  'a view, as a table': ['table switched'],
  'a trigger': ["insert into maker (name) values ('acme triggers')"],
  'a trigger that was put off': ["insert into tag (name) values ('acme puts off')", 'set constraints all immediate'],
  'a cursor': ['declare c cursor for select * from switched', 'fetch all from c'],
  'a cursor that is moved': ['declare c cursor for select * from switched', 'move all in c'],
  'a plain SET LOCAL': ['set local role globex_shop'],
};

describe('the role that code has set in a transaction', () => {
  it.each(Object.entries(doors))('is not lent to the next statement: %s', async (_, texts) => {
    const { guarded } = houses;
    const after = (next: string) =>
      guarded.run('acme', async (em) => {
        await em.begin();
        try {
          for (const text of texts) await em.execute(text);
          return await em.execute(next).catch((error: unknown) => error);
        } finally {
          await em.rollback();
        }
      });
    expect(await after('select name from globex_shop.widget')).toMatchObject({ code: '42501' });
    expect(await after('select current_user::text as role, name from widget')).toEqual([
      { role: 'acme_shop', name: 'acme widget' },
    ]);
  });

  it.each(Object.entries(doors))('without the wall: is whoever comes next: %s', async (_, texts) => {
    const { shop } = houses;
    const client = await shop.database.admin.connect();
    await client.query('begin; set local role acme_shop; set local search_path to acme_shop');
    for (const text of texts) await client.query(text);
    const { rows } = await client.query('select name from globex_shop.widget');
    await client.query('rollback');
    client.release();
    expect(rows).toEqual([{ name: 'globex widget' }]);
  });
});
