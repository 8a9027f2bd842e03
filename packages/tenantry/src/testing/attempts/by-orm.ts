import type { EntityName } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { type Attempt, reached } from '../attempt.js';
import { type EntityGround, entityGround } from '../entity-ground.js';
import { type Ground, inFrom, inTo, rolledBack } from '../ground.js';

type Entity = EntityName<object>;

/** Reads and writes of an entity that ask for the other tenant's schema; writes touch no row. */
const asked: Readonly<
  Record<string, (em: EntityManager, entity: Entity, schema: string, ground: EntityGround) => Promise<unknown>>
> = {
  'em.find with the other schema': (em, entity, schema) => em.find(entity, {}, { schema, limit: 1 }),
  'em.findOne with the other schema': (em, entity, schema, { nothing }) => em.findOne(entity, nothing, { schema }),
  'em.count with the other schema': (em, entity, schema) => em.count(entity, {}, { schema }),
  'em.nativeUpdate with the other schema': (em, entity, schema, { nothing, change }) =>
    em.nativeUpdate(entity, nothing, change, { schema }),
  'em.nativeDelete with the other schema': (em, entity, schema, { nothing }) =>
    em.nativeDelete(entity, nothing, { schema }),
  'a fork with the other schema': (em, entity, schema) => em.fork({ schema }).find(entity, {}, { limit: 1 }),
  'an EntityManager whose schema is changed': (em, entity, schema) => {
    em.schema = schema;
    return em.find(entity, {}, { limit: 1 });
  },
  'a QueryBuilder with the other schema': (em, entity, schema) =>
    em.createQueryBuilder(entity).withSchema(schema).limit(1).getResultList(),
  'a QueryBuilder delete with the other schema': (em, entity, schema, { nothing }) =>
    em.createQueryBuilder(entity).withSchema(schema).delete(nothing).execute(),
  'a session context with the other role': (em, _, schema, { meta: { tableName } }) =>
    em
      .fork({ session: { role: schema } })
      .transactional((inner) => inner.execute(`select * from "${schema}"."${tableName}" limit 1`)),
  'a transaction with the other schema': (em, entity, schema) =>
    em.fork({ schema }).transactional((inner) => inner.find(entity, {}, { limit: 1 })),
};

export const byOrm: readonly Attempt[] = [
  ...Object.entries(asked).map(([name, ask]) => ({
    name,
    tryIt: (ground: Ground) => {
      const entities = entityGround(ground);
      return inFrom(ground, (em) =>
        rolledBack(em, (inner) =>
          reached(`reached ${ground.to.table}`, ask(inner, entities.entity, ground.to.schema, entities)),
        ),
      );
    },
  })),
  {
    name: "an EntityManager of the other tenant's scope",
    tryIt: (ground) => {
      const { entity } = entityGround(ground);
      return inTo(ground, (theirs) => inFrom(ground, () => reached('found', theirs.find(entity, {}, { limit: 1 }))));
    },
  },
  {
    name: "a QueryBuilder made in the other tenant's scope",
    tryIt: async (ground) => {
      const { entity } = entityGround(ground);
      // Wrapped: a QueryBuilder is a thenable, and would run where it was made.
      const { query } = await inTo(ground, async (em) => ({ query: em.createQueryBuilder(entity).limit(1) }));
      return inFrom(ground, () => reached('found', query.getResultList()));
    },
  },
  {
    name: 'em.find in the catalog scope',
    tryIt: (ground) => {
      const { entity } = entityGround(ground);
      return ground.tenancy.runInCatalog(() => reached('found', ground.em.fork().find(entity, {}, { limit: 1 })));
    },
  },
  {
    name: 'em.find with the other schema in the catalog scope',
    tryIt: (ground) => {
      const { entity } = entityGround(ground);
      const { schema } = ground.to;
      return ground.tenancy.runInCatalog(() =>
        reached('found', ground.em.fork({ schema }).find(entity, {}, { limit: 1, schema })),
      );
    },
  },
];
