import { defineEntity, type InferEntity, p } from '@mikro-orm/core';
import { v7 } from 'uuid';

/** A user, and by the same id a tenant. The table is shared: it lives once per database, in a schema of its own. */
export const User = defineEntity({
  name: 'User',
  tableName: 'user',
  schema: 'identity',
  properties: {
    id: p
      .uuid()
      .primary()
      .onCreate(() => v7()),
    fullName: p.string().length(200),
    createdAt: p.datetime().onCreate(() => new Date()),
    updatedAt: p
      .datetime()
      .onCreate(() => new Date())
      .onUpdate(() => new Date()),
    deletedAt: p.datetime().nullable().hidden(),
  },
});

export type User = InferEntity<typeof User>;
