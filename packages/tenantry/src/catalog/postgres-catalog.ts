import type pg from 'pg';
import { runInScope } from '../context/current-scope.js';
import { lookupScope } from '../context/scope.js';
import { TenancyError } from '../errors/tenancy-error.js';
import type { SchemaName } from '../tenant/schema-name.js';
import type { ServiceName } from '../tenant/service-name.js';
import type { Tenant, TenantStatus } from '../tenant/tenant.js';
import { parseTenantId, type TenantId } from '../tenant/tenant-id.js';
import { checkTenantName } from '../tenant/tenant-name.js';
import { catalogExecutor } from './catalog-executor.js';
import { type Catalog, pageSizeMax, type SqlExecutor, type TenantEntry } from './catalog.js';

interface TenantRow extends Tenant {
  schema_name?: SchemaName | null;
  head?: string | null;
  role_name?: SchemaName;
}

/** The catalog in PostgreSQL, seen by one service. */
export class PostgresCatalog implements Catalog {
  readonly #pool: Pick<pg.Pool, 'query'>;
  readonly #database: string;
  readonly #service: ServiceName | undefined;

  constructor(pool: Pick<pg.Pool, 'query'>, database: string, service: ServiceName | undefined) {
    this.#pool = pool;
    this.#database = database;
    this.#service = service;
  }

  async find(id: TenantId): Promise<TenantEntry | undefined> {
    const [row] = await this.#lookUp(
      `select t.id, t.name, t.status, s.schema_name, s.role_name, s.head from tenantry.tenant t
         left join tenantry.tenant_schema s on s.tenant_id = t.id and s.service = $1 where t.id = $2`,
      [this.#service ?? '', id],
    );
    return row && this.#entry(row);
  }

  async list({ after, limit = 100 }: { after?: TenantId; limit?: number } = {}): Promise<Tenant[]> {
    const size = Math.min(Math.max(1, limit), pageSizeMax);
    return this.#rows('select id, name, status from tenantry.tenant where id > ? order by id limit ?', [
      after ?? '',
      size,
    ]);
  }

  async create({ id, name }: { id: string; name: string }, within?: SqlExecutor): Promise<Tenant> {
    const [row] = await this.#rows(
      `insert into tenantry.tenant (id, name) select ?, ? where not exists (select from tenantry.former_tenant where id = ?)
       on conflict (id) do nothing returning id, name, status`,
      [parseTenantId(id), checkTenantName(name), id],
      within,
    );
    if (!row) throw new TenancyError('TENANCY_TENANT_EXISTS', { tenant: id });
    return row;
  }

  rename(id: string, name: string, within?: SqlExecutor): Promise<Tenant> {
    return this.#update('name = ?', id, [checkTenantName(name)], within);
  }

  setStatus(id: string, status: TenantStatus, within?: SqlExecutor): Promise<Tenant> {
    const set = "status = ?, erase_after = case when ? = 'deleted' then erase_after end";
    return this.#update(set, id, [status, status], within);
  }

  async #update(set: string, id: string, values: readonly string[], within?: SqlExecutor): Promise<Tenant> {
    const [row] = await this.#rows(
      `update tenantry.tenant set ${set}, updated_at = now() where id = ? returning id, name, status`,
      [...values, parseTenantId(id)],
      within,
    );
    if (!row) throw new TenancyError('TENANCY_TENANT_UNKNOWN', { tenant: id });
    return row;
  }

  /** Takes `?` for parameters, as an EntityManager does. */
  async #rows(sql: string, params: unknown[], within?: SqlExecutor): Promise<TenantRow[]> {
    if (within) return (await within.execute(sql, params)) as TenantRow[];
    return (await catalogExecutor(this.#pool).execute(sql, params)) as TenantRow[];
  }

  #lookUp(sql: string, params: unknown[]): Promise<TenantRow[]> {
    return runInScope(lookupScope, async () => (await this.#pool.query<TenantRow>(sql, params)).rows);
  }

  #entry({ id, name, status, schema_name: schema, role_name: role, head = null }: TenantRow): TenantEntry {
    const service = this.#service;
    const placement = schema && role && service ? { service, database: this.#database, schema, role } : undefined;
    return Object.freeze({
      tenant: Object.freeze({ id, name, status }),
      placement: placement && Object.freeze(placement),
      head,
    });
  }
}
