import type { EntityManager } from '@mikro-orm/core';
import { MikroORM } from '@mikro-orm/postgresql';
import { Seeder } from '@mikro-orm/seeder';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../../../test/support/shop.js';
import { Maker, Tag, Widget, widgetEntities } from '../../../../../test/support/widgets.js';

let shop: Shop;
let orm: MikroORM;
beforeAll(async () => {
  shop = await openShop();
  await shop.signUp('acme', 'globex', 'initech');
  const seeder = { seedersList: [WidgetSeeder, MakerSeeder] };
  orm = await MikroORM.init(shop.tenancy.orm({ entities: widgetEntities, seeder }));
});
afterAll(async () => {
  await orm.close();
  await shop.close();
});

class MakerSeeder extends Seeder {
  async run(em: EntityManager): Promise<void> {
    em.create(Maker, { name: `maker of ${shop.tenancy.require().tenant.id}` });
    // Long enough for another tenant's seeder to flush what is not its own.
    await sleep(20);
  }
}
class WidgetSeeder extends Seeder {
  async run(em: EntityManager): Promise<void> {
    await this.call(em, [MakerSeeder]);
    const tenant = shop.tenancy.require().tenant.id;
    const maker = await em.findOneOrFail(Maker, { name: `maker of ${tenant}` });
    em.create(Widget, { name: tenant, maker, tags: [em.create(Tag, { name: tenant })] });
  }
}

const widgetsOf = (tenant: string) =>
  shop.tenancy.run(tenant, async () => {
    const widgets = await orm.em.fork().find(Widget, {}, { populate: ['maker', 'tags'] });
    return widgets.map(({ name, maker, tags }) => [name, maker?.name, tags.getItems().map((tag) => tag.name)]);
  });
const seeded = (tenant: string) => [[tenant, `maker of ${tenant}`, [tenant]]];

it('seeds one tenant after the other with the same orm.seeder', async () => {
  for (const tenant of ['acme', 'globex']) await shop.tenancy.run(tenant, () => orm.seeder.seed(WidgetSeeder));
  expect(await widgetsOf('acme')).toEqual(seeded('acme'));
  expect(await widgetsOf('globex')).toEqual(seeded('globex'));
});

it('seeds two tenants at the same time, and each gets its own', async () => {
  await shop.signUp('umbrella', 'hooli');
  await Promise.all(['umbrella', 'hooli'].map((id) => shop.tenancy.run(id, () => orm.seeder.seed(WidgetSeeder))));
  expect(await widgetsOf('umbrella')).toEqual(seeded('umbrella'));
  expect(await widgetsOf('hooli')).toEqual(seeded('hooli'));
});

it('seeds by name', async () => {
  await shop.tenancy.run('initech', () => orm.seeder.seedString('WidgetSeeder'));
  expect(await widgetsOf('initech')).toEqual(seeded('initech'));
});

it('refuses to seed outside any scope, and one scope’s seeder in another', async () => {
  await expect(orm.seeder.seed(MakerSeeder)).rejects.toMatchObject({ code: 'TENANCY_SCOPE_MISSING' });
  const seeder = await shop.tenancy.run('acme', () => orm.seeder);
  const elsewhere = shop.tenancy.run('globex', () => seeder.seed(MakerSeeder));
  await expect(elsewhere).rejects.toMatchObject({ code: 'TENANCY_SCOPE_MISMATCH' });
});
