import type { Configuration, DriverException, EntityManagerType, EntityMetadata } from '@mikro-orm/core';
import { type EntityManager, PostgreSqlDriver } from '@mikro-orm/postgresql';
import { currentCell, requireTenantScope } from '../context/current-scope.js';
import { TenancyError } from '../errors/tenancy-error.js';

type SchemaOptions = { schema?: string; parentSchema?: string };

/**
 * MikroORM's driver with three additions: the EntityManager that code injects is the one of the current scope, the schema of
 * a tenant table is the current scope's or nothing (MikroORM alone would emit an unqualified name), and the gate's errors stay
 * what they are.
 */
export class ScopedDriver extends PostgreSqlDriver {
  #root: EntityManager | undefined;

  constructor(config: Configuration) {
    super(config);
    config.set('context', () => this.#entityManagerOfScope());
  }

  override createEntityManager(useContext?: boolean): this[typeof EntityManagerType] {
    const em = super.createEntityManager(useContext);
    this.#root ??= em as unknown as EntityManager;
    return em;
  }

  override getSchemaName(meta?: EntityMetadata, options?: SchemaOptions): string | undefined {
    if (!meta || meta.schema !== '*') return super.getSchemaName(meta, options);
    const what = `The entity "${meta.className}"`;
    const { schema } = requireTenantScope(what).placement;
    const asked = options?.schema === '*' ? undefined : (options?.schema ?? options?.parentSchema);
    if (asked !== undefined && asked !== schema) {
      throw new TenancyError('TENANCY_SCOPE_MISMATCH', { what, other: asked, scope: schema });
    }
    return schema;
  }

  /** MikroORM would copy the fields of our error into one of its own, which is no `TenancyError` any more. */
  override convertException(exception: Error): DriverException {
    return exception instanceof TenancyError ? exception : super.convertException(exception);
  }

  /** Forked without context: an entity keeps to the scope it was loaded in, and a later scope cannot lend it its own. */
  #entityManagerOfScope(): EntityManager | undefined {
    const cell = currentCell();
    const root = this.#root;
    if (!cell?.scope || !root) return undefined;
    const { scope } = cell;
    const schema = scope.kind === 'tenant' ? scope.placement.schema : undefined;
    return cell.belonging(this, () => root.fork({ ...(schema && { schema }), disableContextResolution: true }));
  }
}
