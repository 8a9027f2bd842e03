import { afterAll, beforeAll, it } from 'vitest';
import { openShop, type Shop } from '../../../../test/support/shop.js';
let shop: Shop;
beforeAll(async () => { shop = await openShop(); await shop.signUp('acme', 'globex'); });
afterAll(async () => { await shop.close(); });
it('x', async () => {
  await shop.tenancy.run('acme', () => shop.orm.em.transactional((em) => em.execute('set role x'))).catch((e) => { console.log(e.constructor.name, Object.keys(e), e.code, e.cause, e.previous, e); });
});
