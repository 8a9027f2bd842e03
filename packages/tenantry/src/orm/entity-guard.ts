import { type EventSubscriber, type FlushEventArgs, helper, type EntityMetadata } from '@mikro-orm/core';
import { currentScope } from '../context/current-scope.js';
import { scopeKey } from '../context/scope.js';
import { TenancyError } from '../errors/tenancy-error.js';

/** Refuses to flush an entity, or a relation to one, that was loaded in another scope: ids collide between tenants. */
export class EntityGuard implements EventSubscriber {
  onFlush({ uow }: FlushEventArgs): void {
    const scope = scopeKey(currentScope());
    for (const { entity, meta, payload } of uow.getChangeSets()) {
      refuseForeign(entity, meta.className, scope);
      for (const relation of meta.relations) {
        if (relation.name in payload || relation.mappedBy) refuseForeign(entity[relation.name as never], relation.type, scope);
      }
    }
    for (const collection of uow.getCollectionUpdates()) {
      for (const item of collection.getItems(false)) refuseForeign(item, collection.property.type, scope);
    }
  }
}

/** A table without a schema would be read from whatever schema the search path finds first. */
export function refuseTableWithoutSchema(meta: EntityMetadata): void {
  const hasTable = !meta.abstract && !meta.embeddable && !meta.virtual;
  if (hasTable && !meta.schema) throw new TenancyError('TENANCY_TABLE_WITHOUT_SCHEMA', { entity: meta.className });
}

function refuseForeign(value: unknown, what: string, scope: string): void {
  if (typeof value !== 'object' || value === null) return;
  const wrapped = helper(value) as ReturnType<typeof helper> | undefined;
  if (wrapped?.__meta?.schema !== '*') return;
  const schema = wrapped.__schema;
  if (schema !== undefined && schema !== scope) {
    throw new TenancyError('TENANCY_SCOPE_MISMATCH', { what: `The entity "${what}"`, other: schema, scope });
  }
}
