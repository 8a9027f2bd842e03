import type { MetadataDiscoveryOptions, MetadataStorage } from '@mikro-orm/core';
import { Migrator } from '@mikro-orm/migrations';
import { DatabaseSchema, MikroORM, SchemaComparator } from '@mikro-orm/postgresql';
import { TenancyError } from '../../errors/tenancy-error.js';
import { refuseTableWithoutSchema } from '../../orms/mikro-orm/entity-guard.js';
import type { AuthoringTarget } from './authoring-target.js';
import { snapshotName } from './snapshot.js';

/** A service's tables as its entities say they should be. */
export interface EntitySchema {
  /** For the snapshot. */
  readonly wanted: DatabaseSchema;
  /**
   * The SQL from what the snapshot remembers to the entities, and back.
   *
   * @param known - Whether there is a snapshot; without one, there is nothing yet.
   */
  changes(known: boolean): Promise<SchemaChanges>;
}

/** A change of tables as SQL. */
export interface SchemaChanges {
  readonly up: string;
  readonly down: string;
  /** What the entities say and no statement does. */
  readonly notes: readonly string[];
}

/** Reads a snapshot as MikroORM wrote it. */
class SnapshotReader extends Migrator {
  read(): Promise<DatabaseSchema | undefined> {
    return this.getSchemaFromSnapshot();
  }
}

/**
 * Matches names with a schema in front. This part's own entities have lost theirs, so what matches belongs to other
 * schemas.
 */
const ofOtherSchemas = /^(?!public\.)[^.]+\./;

/**
 * Computes a service's tables, without a database. MikroORM's own generator cannot do it for `schema: '*'`: from its second
 * migration on it creates every table again. To a second instance, for which this part's entities have no schema, they
 * are ordinary tables.
 *
 * @throws TenancyError `TENANCY_OPTION_INVALID` when a table of this part refers to one that it cannot reach.
 */
export async function withEntitySchema<T>(
  target: AuthoringTarget,
  fn: (schema: EntitySchema) => Promise<T>,
): Promise<T> {
  const orm = await MikroORM.init({
    ...target.orm,
    entities: [...target.entities],
    dbName: 'offline',
    discovery: { ...target.orm?.discovery, warnWhenNoEntities: false, onMetadata: asOwnTables(target) },
    schemaGenerator: { ...target.orm?.schemaGenerator, skipTables: [ofOtherSchemas] },
    migrations: { path: target.folder, pathTs: target.folder, emit: 'ts', snapshotName, snapshotOnMigrate: false },
  });
  try {
    const generator = orm.schema;
    refuseUnreachable(target, orm.getMetadata());
    const wanted = countByIdentity(generator.getTargetSchema());
    const platform = orm.em.getPlatform();
    return await fn({
      wanted,
      async changes(known) {
        const from = known ? await new SnapshotReader(orm.em).read() : undefined;
        const before = from ?? new DatabaseSchema(platform, wanted.name);
        const comparator = new SchemaComparator(platform);
        const forward = comparator.compare(before, wanted);
        const back = comparator.compare(wanted, before, forward);
        const options = { wrap: false, safe: false, dropTables: true };
        return {
          up: generator.diffToSQL(forward, options),
          down: generator.diffToSQL(back, options),
          notes: enumValuesLeft(before, wanted),
        };
      },
    });
  } finally {
    await orm.close(true);
  }
}

type OnMetadata = NonNullable<MetadataDiscoveryOptions['onMetadata']>;

function asOwnTables({ schema, orm }: AuthoringTarget): OnMetadata {
  return async (meta, platform) => {
    await orm?.discovery?.onMetadata?.(meta, platform);
    // In single-table inheritance a child gets the schema of its root later, so only roots are checked.
    if (meta.root === meta) refuseTableWithoutSchema(meta);
    if (meta.schema === schema) delete meta.schema;
  };
}

/** A foreign key out of a tenant leads to a named shared schema or nowhere, and none leads into tenants. */
function refuseUnreachable({ schema }: AuthoringTarget, metadata: MetadataStorage): void {
  for (const { className, relations, ...meta } of metadata.getAll().values()) {
    const unreachable = relations.find(({ targetMeta }) => ['*', 'public'].includes(targetMeta?.schema ?? ''));
    if (meta.schema || !unreachable) continue;
    const reason = `"${className}.${unreachable.name}" leads from the schema "${schema}" to "${unreachable.targetMeta?.schema}"; relate to entities of the same schema, or of a shared one that has a name of its own`;
    throw new TenancyError('TENANCY_OPTION_INVALID', { option: 'entities', reason });
  }
}

/** PostgreSQL adds values to an enum and never takes them away. */
function enumValuesLeft(before: DatabaseSchema, wanted: DatabaseSchema): string[] {
  return Object.entries(before.getNativeEnums()).flatMap(([name, { items }]) => {
    const left = items.filter((item) => !(wanted.getNativeEnum(name)?.items ?? items).includes(item));
    if (left.length === 0) return [];
    return `the type "${name}" keeps ${left.map((item) => `'${item}'`).join(', ')}: PostgreSQL cannot remove a value; leave it, or replace the type by hand, and then run: tenantry migration snapshot`;
  });
}

const withoutSerial: Readonly<Record<string, string>> = { serial: 'int', bigserial: 'bigint', smallserial: 'smallint' };

/** `serial` leaves a sequence with an owner and rights of its own in every tenant; an identity column is one thing. */
function countByIdentity(schema: DatabaseSchema): DatabaseSchema {
  for (const column of schema.getTables().flatMap((table) => table.getColumns())) {
    const type = withoutSerial[column.type];
    if (type === undefined && !column.autoincrement) continue;
    column.type = type ?? column.type;
    column.generated ??= 'by default as identity';
  }
  return schema;
}
