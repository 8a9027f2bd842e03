import type { EntityName } from '@mikro-orm/core';
import type { TenantOrmOptions } from '../../orms/mikro-orm/orm-options.js';
import type { MigrationList } from '../tenant-migration.js';

/** What migrations are written for: the tenant schemas of a service, or the schema that it shares with all tenants. */
export interface AuthoringTarget {
  readonly service: string;
  readonly part: 'tenant' | 'shared';
  /** The schema that the entities of this part name: `*`, or the shared schema. */
  readonly schema: string;
  /** Absolute path of the folder with the migrations, their `index.ts` and `.snapshot.json`. */
  readonly folder: string;
  /** All entities of the service; those of other schemas are only referred to. */
  readonly entities: readonly EntityName[];
  /** What the service gives MikroORM, where it shapes tables: naming strategy, metadata provider. */
  readonly orm?: TenantOrmOptions | undefined;
  /** The list that the service ships. */
  readonly migrations: MigrationList;
  /** Schemas that a tenant migration may refer to. */
  readonly sharedSchemas: readonly string[];
}
