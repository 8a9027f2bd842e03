import type { Shop } from '../../../../../test/support/shop.js';
import { Maker, Tag, Widget } from '../../../../../test/support/widgets.js';

/** Gives each tenant two makers, a widget and a tag on it, all named after the tenant. Their ids collide between tenants. */
export async function stock({ tenancy, orm }: Shop, ...tenants: string[]): Promise<void> {
  for (const tenant of tenants) {
    await tenancy.run(tenant, async () => {
      orm.em.create(Maker, { name: `${tenant} maker without widgets` });
      await orm.em.flush();
      const maker = orm.em.create(Maker, { name: `${tenant} maker` });
      const widget = orm.em.create(Widget, { name: `${tenant} widget`, maker });
      widget.tags.add(orm.em.create(Tag, { name: `${tenant} tag` }));
      await orm.em.flush();
    });
  }
}

/** Names of a tenant's widgets, as code in its scope sees them. */
export async function widgetNames({ tenancy, orm }: Shop, tenant: string): Promise<string[]> {
  return tenancy.run(tenant, async () =>
    (await orm.em.find(Widget, {}, { orderBy: { id: 'asc' } })).map(({ name }) => name),
  );
}
