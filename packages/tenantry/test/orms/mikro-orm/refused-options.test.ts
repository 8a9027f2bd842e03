import { defineEntity, p } from '@mikro-orm/core';
import { MikroORM } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { openShop, type Shop } from '../../../../../test/support/shop.js';
import { Widget, widgetEntities } from '../../../../../test/support/widgets.js';

const properties = { id: p.integer().primary(), name: p.string() };
const Loose = defineEntity({ name: 'Loose', tableName: 'loose', properties });

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp('acme', 'globex');
});
afterAll(() => shop.close());

it.each([
  'driver',
  'driverOptions',
  'entityManager',
  'pool',
  'context',
  'clientUrl',
  'host',
  'port',
  'user',
  'password',
  'replicas',
  'sessionContext',
  'allowGlobalContext',
  'preferEnvVars',
  'onCreateConnection',
  'onReserveConnection',
])('refuses the ORM option %s, which would lead around the gate or do nothing behind it', (option) => {
  const options = { entities: widgetEntities, [option]: [] };
  expect(() => shop.tenancy.orm(options)).toThrow(
    expect.objectContaining({
      code: 'TENANCY_OPTION_INVALID',
      fields: { option: `orm.${option}`, reason: expect.stringMatching(/Tenantry|every tenant/) },
    }),
  );
});

it('does not take from the environment what it refuses as an option', async () => {
  vi.stubEnv('MIKRO_ORM_ALLOW_GLOBAL_CONTEXT', 'true');
  const orm = await MikroORM.init(shop.tenancy.orm({ entities: widgetEntities }));
  const missing = { code: 'TENANCY_SCOPE_MISSING', fields: { what: 'The EntityManager' } };
  await expect(orm.em.find(Widget, {})).rejects.toMatchObject(missing);
  await orm.close();
  vi.unstubAllEnvs();
});

it('refuses an entity without a schema at start, before it can be read from wherever a path leads', async () => {
  const starting = MikroORM.init(shop.tenancy.orm({ entities: [Loose] }));
  await expect(starting).rejects.toMatchObject({ code: 'TENANCY_TABLE_WITHOUT_SCHEMA', fields: { entity: 'Loose' } });
});

it('without the wall: a plain MikroORM reads that entity from the schema of whoever asks', async () => {
  const { admin, url } = shop.database;
  await admin.query(
    "create table acme_shop.loose as select 1 as id, 'acme' as name; create table globex_shop.loose as select 1 as id, 'globex' as name",
  );
  const orm = await MikroORM.init({ clientUrl: url, entities: [Loose] });
  const named = async (schema: string) => (await orm.em.fork({ schema }).find(Loose, {})).map(({ name }) => name);
  expect([...(await named('acme_shop')), ...(await named('globex_shop'))]).toEqual(['acme', 'globex']);
  await orm.close();
});
