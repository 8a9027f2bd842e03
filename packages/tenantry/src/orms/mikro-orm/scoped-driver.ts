import {
  type Configuration,
  type DriverException,
  type EntityField,
  type EntityManagerType,
  type EntityMetadata,
  type PopulateOptions,
  QueryFlag,
} from '@mikro-orm/core';
import { type EntityManager, PostgreSqlDriver } from '@mikro-orm/postgresql';
import { currentCell, currentScope, requireTenantScope } from '../../context/current-scope.js';
import { TenancyError } from '../../errors/tenancy-error.js';
import { ScopedConnection } from './scoped-connection.js';
import { ScopedQueryBuilder } from './scoped-query-builder.js';
import { makeSeederPerScope } from './seeder-per-scope.js';

type SchemaOptions = { schema?: string; parentSchema?: string };
type CreateQueryBuilder = PostgreSqlDriver['createQueryBuilder'];

let drivers = 0;

/**
 * MikroORM's driver with three additions: the EntityManager that code injects is the one of the current scope, the schema of
 * a tenant table is the current scope's or nothing (MikroORM alone would emit an unqualified name), and the gate's errors stay
 * what they are.
 */
export class ScopedDriver extends PostgreSqlDriver {
  #root: EntityManager | undefined;

  constructor(config: Configuration) {
    super(config);
    Object.assign(this, { connection: new ScopedConnection(config) });
    config.set('context', () => this.#entityManagerOfScope());
    // MikroORM finds an open transaction by this name: two ORMs of one process would take each other's for their own.
    if (config.get('contextName') === 'default') config.set('contextName', `tenantry-${++drivers}`);
    makeSeederPerScope(config);
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

  override createQueryBuilder: CreateQueryBuilder = (name, ctx, type, convertCustomTypes, logging, alias, em) => {
    const connectionType = em ? type : this.resolveConnectionType({ ctx, connectionType: type });
    const builder = new ScopedQueryBuilder(name, this.metadata, this, ctx, alias, connectionType, em, logging);
    if (!convertCustomTypes) builder.unsetFlag(QueryFlag.CONVERT_CUSTOM_TYPES);
    return builder as never;
  };

  /** MikroORM would copy the fields of our error into one of its own, which is no `TenancyError` any more. */
  override convertException(exception: Error): DriverException {
    return exception instanceof TenancyError ? exception : super.convertException(exception);
  }

  /**
   * MikroORM joins the owning side of a one-to-one relation on its own account, to learn its key. From a shared entity
   * outside a tenant scope that side may be a tenant's table, so the join is left out.
   */
  protected override autoJoinOneToOneOwner<T extends object>(
    meta: EntityMetadata<T>,
    populate: PopulateOptions<T>[],
    fields?: readonly EntityField<T, never>[],
  ): PopulateOptions<T>[] {
    const hints = super.autoJoinOneToOneOwner(meta, populate, fields);
    if (currentScope()?.kind === 'tenant') return hints;
    const ofTenant = new Set(
      meta.relations.filter(({ targetMeta }) => targetMeta?.schema === '*').map(({ name }) => `${name}:ref`),
    );
    return hints.filter((hint) => populate.includes(hint) || !ofTenant.has(hint.field));
  }

  /**
   * The scope's own fork. It does not follow later scopes, so an entity stays with the scope in which it was loaded.
   */
  #entityManagerOfScope(): EntityManager | undefined {
    const cell = currentCell();
    const root = this.#root;
    if (!cell?.scope || !root) return undefined;
    const { scope } = cell;
    const schema = scope.kind === 'tenant' ? scope.placement.schema : undefined;
    return cell.belonging(this, () => root.fork({ ...(schema && { schema }), disableContextResolution: true }));
  }
}
