import { type EntityData, type EntityMetadata, type EntityName, type FilterQuery } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { NotApplicable } from './not-applicable.js';
import type { Ground } from './ground.js';

/** What attempts with entities need: an entity that lives in every tenant schema. */
export interface EntityGround {
  readonly meta: EntityMetadata;
  readonly entity: EntityName<object>;
  /** A condition that no row fulfils. */
  readonly nothing: FilterQuery<object>;
  /** A change for rows that fulfil it, that is for none. */
  readonly change: EntityData<object>;
}

/** All entities that live in every tenant schema. */
export function tenantEntities(em: EntityManager): EntityMetadata[] {
  return [...em.getMetadata().getAll().values()].filter(({ schema, abstract, embeddable, virtual, pivotTable }) => {
    return schema === '*' && !abstract && !embeddable && !virtual && !pivotTable;
  });
}

/** The entity of the ground's table, or any other. */
export function entityGround({ em, table }: Ground): EntityGround {
  const entities = tenantEntities(em);
  const meta = entities.find(({ tableName }) => `"${tableName}"` === table) ?? entities[0];
  const [key] = meta?.primaryKeys ?? [];
  if (!meta || key === undefined) throw new NotApplicable('no entity has the schema "*"');
  const nothing = { [key]: null } as FilterQuery<object>;
  return { meta, entity: meta.class as EntityName<object>, nothing, change: { [key]: null } };
}
