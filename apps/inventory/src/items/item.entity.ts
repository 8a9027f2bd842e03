import { defineEntity, type InferEntity, p } from '@mikro-orm/core';
import { v7 } from 'uuid';

/** Something a tenant keeps in stock. `schema: '*'` puts the table into every tenant's schema. */
export const Item = defineEntity({
  name: 'Item',
  tableName: 'item',
  schema: '*',
  properties: {
    id: p
      .uuid()
      .primary()
      .onCreate(() => v7()),
    name: p.string().length(200),
    createdAt: p.datetime().onCreate(() => new Date()),
    updatedAt: p
      .datetime()
      .onCreate(() => new Date())
      .onUpdate(() => new Date()),
  },
});

export type Item = InferEntity<typeof Item>;
