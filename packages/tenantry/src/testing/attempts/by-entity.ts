import { type EntityMetadata, type EntityName, ReferenceKind, wrap } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { type Attempt, reached } from '../attempt.js';
import { NotApplicable } from '../not-applicable.js';
import { entityGround, tenantEntities } from '../entity-ground.js';
import { type Ground, inFrom, inTo, rolledBack } from '../ground.js';

/** What to do, as one tenant, with an entity that was loaded as another. */
const carried: Readonly<Record<string, (em: EntityManager, entity: object, meta: EntityMetadata) => Promise<unknown>>> =
  {
    'save an entity of the other tenant': (em, entity, meta) => {
      change(entity, meta);
      return em.persist(entity).flush();
    },
    'remove an entity of the other tenant': (em, entity) => em.remove(entity).flush(),
    'refresh an entity of the other tenant': (em, entity) => em.refresh(entity),
    'load an entity of the other tenant again': (_, entity) => wrap(entity).init(),
  };

export const byEntity: readonly Attempt[] = [
  ...Object.entries(carried).map(([name, carry]) => ({
    name,
    tryIt: async (ground: Ground) => {
      const { entity, meta } = entityGround(ground);
      const theirs = await inTo(ground, (em) => anyRow(em, entity));
      return inFrom(ground, (em) =>
        rolledBack(em, (inner) => reached('it was not refused', carry(inner, theirs, meta))),
      );
    },
  })),
  {
    name: 'refer to an entity of the other tenant',
    tryIt: async (ground) => {
      const { meta, relation } = toOneRelation(ground);
      const theirs = await inTo(ground, (em) => anyRow(em, relation.entity() as EntityName<object>));
      return inFrom(ground, (em) =>
        rolledBack(em, async (inner) => {
          const mine = await anyRow(inner, meta.class as EntityName<object>);
          // Both tenants may have the same id there. Set to null first, so that the relation is a change and is saved.
          Object.assign(mine, { [relation.name]: null });
          await inner.flush();
          Object.assign(mine, { [relation.name]: theirs });
          return reached('the relation was saved', inner.flush());
        }),
      );
    },
  },
  {
    name: 'read from a named result cache that the other tenant filled',
    tryIt: async (ground) => {
      const { entity } = entityGround(ground);
      const options = { limit: 1, cache: ['tenantry-probe', 1000] as [string, number] };
      const theirs = await inTo(ground, (em) => em.find(entity, {}, options));
      if (theirs.length === 0) throw new NotApplicable('the other tenant has no row');
      const answered = await inFrom(ground, (em) => em.find(entity, {}, options));
      const mine = await inFrom(ground, (em) => em.find(entity, {}, { limit: 1 }));
      await inTo(ground, (em) => em.clearCache('tenantry-probe'));
      return JSON.stringify(answered) === JSON.stringify(mine)
        ? undefined
        : 'the cache answered with rows that are not its own';
    },
  },
  {
    name: 'load a many-to-many relation with a dataloader for both tenants at once',
    tryIt: async (ground) => {
      const { meta, relation } = toManyRelation(ground);
      const load = (em: EntityManager) => loadPivot(em, meta, relation.name);
      const [, mine] = await Promise.all([inTo(ground, load), inFrom(ground, load)]);
      return mine.some((row) => wrap(row, true).__schema === ground.to.schema)
        ? 'the dataloader mixed them'
        : undefined;
    },
  },
];

async function anyRow(em: EntityManager, entity: EntityName<object>): Promise<object> {
  const [row] = await em.find(entity, {}, { limit: 1 });
  if (!row) throw new NotApplicable('a tenant has no row to try with');
  return row;
}

/** Gives some text of an entity another value, so that there is something to save. */
function change(entity: object, meta: EntityMetadata): void {
  const text = meta.props.find(({ kind, primary, runtimeType, persist }) => {
    return kind === ReferenceKind.SCALAR && !primary && runtimeType === 'string' && persist !== false;
  });
  if (!text) throw new NotApplicable('the entity has no text to change');
  const values = entity as Record<string, unknown>;
  values[text.name] = `${String(values[text.name])}!`;
}

function toOneRelation({ em }: Ground) {
  for (const meta of tenantEntities(em)) {
    const relation = meta.relations.find(({ kind, targetMeta, nullable }) => {
      return kind === ReferenceKind.MANY_TO_ONE && nullable && targetMeta?.schema === '*';
    });
    if (relation) return { meta, relation };
  }
  throw new NotApplicable('no entity may refer to another of the same tenant, or to none');
}

function toManyRelation({ em }: Ground) {
  for (const meta of tenantEntities(em)) {
    const relation = meta.relations.find(({ kind, owner }) => kind === ReferenceKind.MANY_TO_MANY && owner);
    if (relation) return { meta, relation };
  }
  throw new NotApplicable('no entity has a many-to-many relation');
}

async function loadPivot(em: EntityManager, meta: EntityMetadata, name: string): Promise<object[]> {
  const owner = await anyRow(em, meta.class as EntityName<object>);
  const collection = (owner as Record<string, { load(options: object): Promise<Iterable<object>> }>)[name];
  try {
    return collection ? [...(await collection.load({ dataloader: true }))] : [];
  } catch (error) {
    if (error instanceof Error && error.message.includes('DataLoader is not found'))
      throw new NotApplicable('the package "dataloader" is not installed');
    throw error;
  }
}
