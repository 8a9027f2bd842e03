import { EntityLoader, type EntityManager } from '@mikro-orm/core';

type Pivot = EntityLoader['findChildrenFromPivotTable'];

/**
 * MikroORM's loader of relations. Its dataloader for many-to-many relations forgets the schema: the query would leave
 * unqualified, and the entities would belong to no tenant and be refused everywhere after.
 */
export class ScopedEntityLoader extends EntityLoader {
  readonly #schema: string | undefined;

  constructor(em: EntityManager) {
    super(em);
    this.#schema = em.schema;
  }

  override findChildrenFromPivotTable: Pivot = (filtered, prop, options, ...rest) => {
    const schema = options.schema ?? this.#schema;
    return super.findChildrenFromPivotTable(filtered, prop, { ...options, ...(schema && { schema }) }, ...rest);
  };
}
