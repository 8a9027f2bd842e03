import type pg from 'pg';
import { TenancyError } from '../errors/tenancy-error.js';
import type { Querier } from '../postgres/querier.js';
import type { SchemaName } from '../tenant/schema-name.js';
import type { ServiceName } from '../tenant/service-name.js';
import type { TenantId } from '../tenant/tenant-id.js';
import { type FleetSelector, selectorCondition, selectorValues } from './selector.js';

/** A tenant as a rollout sees it. */
export interface FleetTenant {
  readonly tenant: TenantId;
  /** `null` until the service's schema is provisioned. */
  readonly schema: SchemaName | null;
  /** The newest migration that ran; `null` when none did. */
  readonly head: string | null;
  /** Its head is no migration that any version of the service has registered. */
  readonly stray?: boolean;
}

/**
 * The selected tenants of a service whose head is another than `target`: one query, and no row when all are there.
 *
 * @throws TenancyError `TENANCY_TENANT_UNKNOWN` for a selected id that is no tenant.
 */
export async function readNotAt(
  owner: Querier,
  service: ServiceName,
  target: string | null,
  selector: FleetSelector,
): Promise<FleetTenant[]> {
  const { rows } = await owner.query<FleetTenant>(
    `select t.id as tenant, x.schema_name as schema, x.head,
            x.head is not null and not exists (select from tenantry.migration m where m.service = $1 and m.name = x.head) as stray
       from tenantry.tenant t left join tenantry.tenant_schema x on x.tenant_id = t.id and x.service = $1
      where (t.status = 'active' or t.status in ('suspended', 'archived') and x.schema_name is not null)
        and (x.schema_name is null or x.head is distinct from $2) and ${selectorCondition(3)}
      order by t.id`,
    [service, target, ...selectorValues(selector)],
  );
  if (selector.tenants && rows.length < selector.tenants.length) await requireKnown(owner, selector.tenants);
  return rows;
}

/** The heads of some tenant schemas as they are now, of those that exist in the database too. */
export async function readHeads(
  owner: Pick<pg.Pool, 'query'>,
  schemas: readonly SchemaName[],
): Promise<Map<SchemaName, string | null>> {
  const { rows } = await owner.query<{ schema: SchemaName; head: string | null }>(
    'select schema_name as schema, head from tenantry.tenant_schema join pg_namespace on nspname = schema_name where schema_name = any($1)',
    [schemas],
  );
  return new Map(rows.map(({ schema, head }) => [schema, head]));
}

async function requireKnown(owner: Querier, tenants: readonly string[]): Promise<void> {
  const { rows } = await owner.query<{ id: string }>(
    `select id from unnest($1::text[]) id where not exists (select from tenantry.tenant t where t.id = id.id and t.status <> 'deleted')`,
    [tenants],
  );
  if (rows[0]) throw new TenancyError('TENANCY_TENANT_UNKNOWN', { tenant: rows[0].id });
}
