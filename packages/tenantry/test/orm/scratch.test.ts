import { afterAll, beforeAll, it } from 'vitest';
import { wrap } from '@mikro-orm/core';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { Maker, Tag, Widget } from '../../../../test/support/widgets.js';
import { stock } from '../isolation/support/stock.js';
let shop: Shop;
beforeAll(async () => { shop = await openShop(); await shop.signUp('acme', 'globex'); await stock(shop, 'acme', 'globex'); });
afterAll(async () => { await shop.close(); });
const attempt = async (name: string, fn: (a: { maker: Maker; widget: Widget; tag: Tag }) => unknown) => {
  const theirs = await shop.tenancy.run('acme', async () => ({ maker: await shop.orm.em.findOneOrFail(Maker, 2), widget: await shop.orm.em.findOneOrFail(Widget, 1, { populate: ['tags'] }), tag: await shop.orm.em.findOneOrFail(Tag, 1) }));
  try { console.log(name, 'OK', await shop.tenancy.run('globex', async () => JSON.stringify(await fn(theirs)))); } catch (e) { console.log(name, 'ERR', (e as Error).message.slice(0, 200)); }
};
it('x', async () => {
  const em = shop.orm.em;
  await attempt('insert', ({ maker }) => em.insert(Widget, { name: 'i', maker }));
  await attempt('insertMany', ({ maker }) => em.insertMany(Widget, [{ name: 'i', maker }]));
  await attempt('nativeUpdate', ({ maker }) => em.nativeUpdate(Widget, { id: 1 }, { maker }));
  await attempt('upsert', ({ maker }) => em.upsert(Widget, { id: 1, name: 'u', maker }));
  await attempt('qb insert', ({ maker }) => em.createQueryBuilder(Widget).insert({ name: 'q', maker } as never).execute());
  await attempt('qb update', ({ maker }) => em.createQueryBuilder(Widget).update({ maker } as never).where({ id: 1 }).execute());
  await attempt('create', async ({ maker }) => { em.create(Widget, { name: 'i', maker }); await em.flush(); });
  await attempt('assign', async ({ maker }) => { const w = await em.findOneOrFail(Widget, 1); em.assign(w, { maker }); await em.flush(); });
  await attempt('m:n add', async ({ tag }) => { const w = await em.findOneOrFail(Widget, 1, { populate: ['tags'] }); w.tags.removeAll(); w.tags.add(tag); await em.flush(); });
  await attempt('1:m add', async ({ widget }) => { const m = await em.findOneOrFail(Maker, 1, { populate: ['widgets'] }); m.widgets.add(widget); await em.flush(); });
  await attempt('merge', async ({ widget }) => { const w = em.merge(widget); w.name = 'merged'; await em.flush(); });
  await attempt('merge data', async ({ widget }) => { const w = em.merge(Widget, wrap(widget).toPOJO() as never); (w as Widget).name = 'merged'; await em.flush(); return wrap(w as Widget, true).__schema; });
  await attempt('find by entity', async ({ maker }) => (await em.find(Widget, { maker })).map((w) => w.name));
  await attempt('findOne entity', async ({ maker }) => (await em.findOne(Maker, maker))?.name);
  await attempt('populate', async ({ widget }) => em.populate([widget], ['maker']));
  await attempt('lock', async ({ widget }) => em.transactional((t) => t.lock(widget, 4)));
  await attempt('refresh', async ({ widget }) => em.refresh(widget));
  await attempt('getReference', async ({ maker }) => { const w = await em.findOneOrFail(Widget, 1); w.maker = em.getReference(Maker, maker.id); await em.flush(); await em.refresh(w, { populate: ['maker'] }); return w.maker?.name; });
  await attempt('matching', async ({ widget }) => widget.tags.matching({}));
  await attempt('cascade persist', async ({ maker }) => { maker.name = 'x'; const w = em.create(Widget, { name: 'c' }); w.maker = maker; em.persist(w); await em.flush(); });
  // outside fork
  const root = shop.orm.em.fork();
  const a = await shop.tenancy.run('acme', () => root.findOneOrFail(Widget, 1));
  await attempt('rootfork', async () => { const b = await root.findOneOrFail(Widget, 1); return [b.name, a === b]; });
  await attempt('rootfork find', async () => { const b = await root.find(Widget, {}); return b.map((x) => x.name); });
  const root2 = shop.orm.em.fork();
  const ref = await shop.tenancy.run('acme', () => { const w = root2.create(Widget, { name: 'rootfork' }); root2.persist(w); return w; });
  await attempt('rootfork flush', async () => { await root2.flush(); return wrap(ref, true).__schema; });
  const names = await shop.database.admin.query(`select 'acme' as t, id, name, maker_id from acme_shop.widget union all select 'globex', id, name, maker_id from globex_shop.widget`);
  console.log(names.rows);
});
