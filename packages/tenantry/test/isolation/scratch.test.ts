import { afterAll, beforeAll, it } from 'vitest';
import { openShop, type Shop } from '../../../../test/support/shop.js';
import { Widget, Tag, Maker } from '../../../../test/support/widgets.js';
import { probe } from '../../src/testing/index.js';

let shop: Shop;
let weak: Shop;
const fill = async (s: Shop) => {
  await s.signUp('acme', 'globex');
  for (const tenant of ['acme', 'globex']) {
    await s.tenancy.run(tenant, async () => {
      const w = s.orm.em.create(Widget, { name: `${tenant} widget` });
      w.tags.add(s.orm.em.create(Tag, { name: `${tenant} tag` }));
      w.maker = s.orm.em.create(Maker, { name: `${tenant} maker` });
      await s.orm.em.flush();
    });
  }
};
beforeAll(async () => {
  shop = await openShop();
  await fill(shop);
  weak = await openShop({ isolation: 'schema' });
  await fill(weak);
});
afterAll(async () => { await shop.close(); await weak.close(); });
const show = (rs: readonly any[], only?: string) => console.log(rs.filter((r) => !only || r.outcome !== only).map((r) => `${r.outcome.padEnd(15)} ${r.name}: ${r.detail.slice(0, 140)}`).join('\n'));
it('strong', async () => {
  show(await probe(shop.tenancy, shop.orm.em, { as: 'acme', target: 'globex' }));
}, 30000);
it('weak', async () => {
  show(await probe(weak.tenancy, weak.orm.em, { as: 'acme', target: 'globex' }));
}, 30000);
