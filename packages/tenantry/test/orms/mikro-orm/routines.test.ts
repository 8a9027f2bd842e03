import { Routine } from '@mikro-orm/core';
import { MikroORM } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../../test/support/shop.js';
import { widgetEntities } from '../../../../../test/support/widgets.js';

/** Migrations make them; MikroORM wants a body all the same. */
const body = 'select 1';
const counting = {
  type: 'function',
  params: { prefix: { type: 'text' } },
  returns: { runtimeType: 'number', columnType: 'int' },
  body,
} as const;
const CountWidgets = new Routine({ name: 'count_widgets', ...counting });
const InEveryTenant = new Routine({ name: 'count_widgets', schema: '*', ...counting });
const OfGlobex = new Routine({ name: 'count_widgets', schema: 'globex_shop', ...counting });
const Unregistered = new Routine({ name: 'count_widgets', ...counting });
const AddWidget = new Routine({ name: 'add_widget', type: 'procedure', params: { name: { type: 'text' } }, body });

const tenants = ['acme', 'globex'] as const;
let shop: Shop;
let orm: MikroORM;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp(...tenants);
  for (const [n, tenant] of tenants.entries()) {
    await shop.database.admin.query(
      `begin;
       set local search_path to ${tenant}_shop;
       create function count_widgets(prefix text) returns int language sql
         as 'select count(*)::int + ${10 * n} from widget where name like prefix || ''%''';
       create procedure add_widget(name text) language sql as 'insert into widget (name) values (name)';
       commit`,
    );
    await shop.database.admin.query(`grant execute on all routines in schema ${tenant}_shop to ${tenant}_shop`);
  }
  const routines = [CountWidgets, InEveryTenant, AddWidget, OfGlobex];
  orm = await MikroORM.init(shop.tenancy.orm({ entities: widgetEntities, routines }));
});
afterAll(async () => {
  await orm.close();
  await shop.close();
});

it.each([CountWidgets, InEveryTenant])(
  'calls a function of the scope’s own schema, whatever schema it names',
  async (fn) => {
    const counts = await Promise.all(
      tenants.map((id) => shop.tenancy.run(id, () => orm.em.callRoutine(fn, { prefix: 'none' }))),
    );
    expect(counts).toEqual([0, 10]);
  },
);

it('calls a procedure, also inside a transaction, which takes it back', async () => {
  const seen = await shop.tenancy.run('acme', async () => {
    await orm.em.callRoutine(AddWidget, { name: 'called' });
    const inside = orm.em.transactional(async (em) => {
      await em.callRoutine(AddWidget, { name: 'called twice' });
      expect(await em.callRoutine(CountWidgets, { prefix: 'called' })).toBe(2);
      throw new Error('taken back');
    });
    await expect(inside).rejects.toThrow('taken back');
    return orm.em.callRoutine(CountWidgets, { prefix: 'called' });
  });
  expect(seen).toBe(1);
});

it('refuses one without a tenant, and PostgreSQL refuses another tenant’s', async () => {
  const missing = {
    code: 'TENANCY_SCOPE_MISSING',
    fields: expect.objectContaining({ what: 'The routine "count_widgets"' }),
  };
  await expect(orm.em.callRoutine(CountWidgets, { prefix: '' })).rejects.toMatchObject(missing);
  const inCatalog = shop.tenancy.runInCatalog(() => orm.em.callRoutine(CountWidgets, { prefix: '' }));
  await expect(inCatalog).rejects.toMatchObject({ code: 'TENANCY_SCOPE_NOT_TENANT' });
  const foreign = shop.tenancy.run('acme', () => orm.em.callRoutine(OfGlobex, { prefix: '' }));
  await expect(foreign).rejects.toThrow(/permission denied for schema globex_shop/);
  const unknown = shop.tenancy.run('acme', () => orm.em.callRoutine(Unregistered, { prefix: '' }));
  await expect(unknown).rejects.toThrow(/not registered/);
});
