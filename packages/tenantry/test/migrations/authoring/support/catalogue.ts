import { defineEntity, type EntityName, p } from '@mikro-orm/core';

/** A table that all tenants share. */
export const Country = defineEntity({
  name: 'Country',
  tableName: 'country',
  schema: 'shared',
  properties: { code: p.string().length(2).primary(), name: p.string() },
});

/** What a version of the catalogue has that another has not. */
export interface Version {
  readonly statuses?: readonly string[];
  readonly nameLength?: number;
  readonly sku?: boolean;
  readonly index?: boolean;
  readonly check?: string;
  readonly uniqueName?: boolean;
  readonly country?: boolean;
  readonly tags?: boolean;
  /** Says `identity` where it otherwise leaves the kind of counting open. */
  readonly identity?: boolean;
}

/** Tenant entities of every kind: an enum, an identity, an index, checks, unique, relations inside and out, a pivot table. */
export function catalogue(version: Version = {}): EntityName[] {
  const { statuses = ['new', 'used'], nameLength = 100, sku, index = true, check = 'price >= 0' } = version;
  const { uniqueName = true, country = true, tags = true, identity } = version;
  const count = identity ? ('by default as identity' as const) : undefined;
  const Tag = defineEntity({
    name: 'Tag',
    tableName: 'tag',
    schema: '*',
    uniques: uniqueName ? [{ name: 'tag_name_unique', properties: ['name'] }] : [],
    properties: {
      id: count ? p.integer().primary().autoincrement().generated(count) : p.integer().primary().autoincrement(),
      name: p.string(),
    },
  });
  const Item = defineEntity({
    name: 'Item',
    tableName: 'item',
    schema: '*',
    indexes: index ? [{ name: 'item_name_index', properties: ['name'] }] : [],
    checks: [{ name: 'item_price_check', expression: check }],
    properties: {
      id: p.uuid().primary(),
      number: count ? p.bigint().autoincrement().generated(count) : p.bigint().autoincrement(),
      name: p.string().length(nameLength),
      price: p.decimal().precision(10).scale(2),
      status: p
        .enum([...statuses])
        .nativeEnumName('item_status')
        .default('new'),
      madeAt: p.datetime().defaultRaw('now()'),
      parent: () => p.manyToOne(Item).nullable(),
      ...(sku && { sku: p.string().length(20).nullable() }),
      ...(country && { origin: () => p.manyToOne(Country).nullable() }),
      ...(tags && { tags: () => p.manyToMany(Tag).owner() }),
    },
  });
  return [Item, Tag, Country];
}
