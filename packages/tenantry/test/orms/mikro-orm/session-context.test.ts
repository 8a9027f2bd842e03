import { afterAll, beforeAll, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../../test/support/shop.js';
import { Widget } from '../../../../../test/support/widgets.js';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp('acme', 'globex');
});
afterAll(() => shop.close());

const refusal = {
  code: 'TENANCY_STATEMENT_REFUSED',
  operatorMessage: expect.stringMatching(/em\.setSessionContext\(\), em\.fork\(\{ session \}\)/),
};

it('refuses a session context by name: another role, or settings, for what follows', async () => {
  await shop.tenancy.run('acme', () => {
    const { em } = shop.orm;
    const ways = [
      () => em.setSessionContext({ role: 'globex_shop' }),
      () => em.setSessionContext({ variables: { 'app.tenant': 'globex' } }),
      () => em.fork({ session: { role: 'globex_shop' } }),
      () => em.fork().setSessionContext({ role: 'globex_shop' }),
    ];
    for (const way of ways) expect(way).toThrow(expect.objectContaining(refusal));
  });
  expect(() => shop.orm.em.fork({ session: { role: 'globex_shop' } })).toThrow(expect.objectContaining(refusal));
});

it('goes on working after such a refusal', async () => {
  const count = await shop.tenancy.run('acme', async () => {
    expect(() => shop.orm.em.setSessionContext({ role: 'globex_shop' })).toThrow(expect.objectContaining(refusal));
    return shop.orm.em.count(Widget);
  });
  expect(count).toBe(0);
});
