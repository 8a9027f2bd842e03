import type pg from 'pg';
import { schemaNameOf } from '../tenant/schema-name.js';
import type { ServiceName } from '../tenant/service-name.js';
import { type TenantId, whyNotTenantId } from '../tenant/tenant-id.js';
import type { DriftSelector } from './drift-options.js';
import type { MissingSchema, OrphanSchema } from './drift-report.js';
import type { DriftGround } from './read-ground.js';

/** What there is beside the tenant schemas that the catalog has. */
export interface Surroundings {
  readonly neverMade: readonly MissingSchema[];
  readonly orphans: readonly OrphanSchema[];
  readonly others: number;
}

interface StrangeRow {
  readonly schema: string;
  readonly shared: boolean;
  readonly tenantExists: boolean;
}

/** Reads tenants without a schema, and schemas without a row in the catalog. */
export async function readSurroundings(
  client: pg.ClientBase,
  selector: DriftSelector,
  { services }: DriftGround,
): Promise<Surroundings> {
  const strange = await client.query<StrangeRow>(
    // `nspname` has a collation of its own, with which no index of the catalog can be used.
    `select schema,
            exists (select from tenantry.ledger where schema_name = schema) or exists (select from tenantry.service where schema = any(shared_schemas)) as shared,
            exists (select from tenantry.tenant where id = regexp_replace(schema, '_[^_]*$', '')) as "tenantExists"
       from (select nspname::text collate "default" as schema from pg_catalog.pg_namespace) as namespace
      where schema !~ '^pg_' and schema not in ('information_schema', 'tenantry', 'public')
        and not exists (select from tenantry.tenant_schema where schema_name = schema)
      order by schema`,
  );
  const orphans = strange.rows.map((row) => asOrphan(row, services)).filter((orphan) => orphan !== undefined);
  const { service, tenants } = selector;
  return {
    neverMade: await readNeverMade(client, selector),
    orphans: orphans.filter(
      (orphan) => (service === undefined || orphan.service === service) && (tenants?.includes(orphan.tenant) ?? true),
    ),
    others: strange.rows.filter(({ schema, shared }) => !shared && orphans.every((orphan) => orphan.schema !== schema))
      .length,
  };
}

/** A tenant schema's name splits one way only: a service name has no `_`. */
function asOrphan({ schema, tenantExists }: StrangeRow, services: DriftGround['services']): OrphanSchema | undefined {
  const split = schema.lastIndexOf('_');
  const [tenant, service] = [schema.slice(0, split), schema.slice(split + 1)];
  if (split < 0 || !services.has(service) || whyNotTenantId(tenant) !== undefined) return undefined;
  const words = tenantExists
    ? `Schema ${schema} is named like that of tenant ${tenant} in ${service}, but the catalog did not make it. Rename or drop it, or this tenant cannot be provisioned.`
    : `Schema ${schema} is named like a tenant schema of ${service}, but the catalog has no tenant ${tenant}. Drop it if nobody needs it.`;
  return { schema, tenant, service, tenantExists, words };
}

async function readNeverMade(client: pg.ClientBase, selector: DriftSelector): Promise<MissingSchema[]> {
  const { rows } = await client.query<{ tenant: TenantId; service: ServiceName }>(
    `select t.id as tenant, s.name as service
       from tenantry.tenant t cross join tenantry.service s
      where t.status = 'active' and ($1::text is null or s.name = $1) and ($2::text[] is null or t.id = any($2))
        and not exists (select from tenantry.tenant_schema x where x.tenant_id = t.id and x.service = s.name)
      order by t.id, s.name`,
    [selector.service ?? null, selector.tenants ?? null],
  );
  return rows.map(({ tenant, service }) => ({
    tenant,
    service,
    schema: schemaNameOf(tenant, service),
    problem: 'never made',
    words: `Tenant ${tenant} has no schema in ${service} yet. Any process with the owner role makes it: run tenantry migrate, or call reconcile().`,
  }));
}
