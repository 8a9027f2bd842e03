import type { EntityMetadata, EventSubscriber, FlushEventArgs } from '@mikro-orm/core';
import { TenancyError } from '../../errors/tenancy-error.js';
import { refuseForeign, refuseForeignIn } from './foreign-entity.js';

/** Refuses to flush an entity, or a relation to one, that was loaded in another scope. */
export class EntityGuard implements EventSubscriber {
  onFlush({ uow }: FlushEventArgs): void {
    for (const { entity, meta, payload } of uow.getChangeSets()) {
      refuseForeign(entity);
      for (const relation of meta.relations) {
        if (relation.name in payload || relation.mappedBy) refuseForeignIn(entity[relation.name as never]);
      }
    }
    for (const collection of uow.getCollectionUpdates()) refuseForeignIn(collection.getItems(false));
  }
}

/** A table without a schema would be read from whatever schema the search path finds first. */
export function refuseTableWithoutSchema(meta: EntityMetadata): void {
  const hasTable = !meta.abstract && !meta.embeddable && !meta.virtual;
  if (hasTable && !meta.schema) throw new TenancyError('TENANCY_TABLE_WITHOUT_SCHEMA', { entity: meta.className });
}
