import { lockNames } from '../../postgres/lock-names.js';
import type { Querier } from '../../postgres/querier.js';
import { takeLock } from '../../postgres/take-lock.js';
import type { SchemaName } from '../../tenant/schema-name.js';
import type { ServiceName } from '../../tenant/service-name.js';

/** One schema of a tenant, as the catalog has it. */
export interface TenantSchema {
  readonly schema: SchemaName;
  readonly service: ServiceName;
  /** The tenant's own role, which has the schema's name; `null` where tenants are kept apart by name only. */
  readonly role: SchemaName | null;
  /** Taken down on purpose. */
  readonly held: boolean;
  readonly head: string | null;
}

/** The schemas of a tenant, in the order of their names. */
export async function schemasOf(client: Querier, tenant: string): Promise<TenantSchema[]> {
  const { rows } = await client.query<TenantSchema>(
    `select schema_name as schema, service, case when role_name = schema_name then role_name end as role, held, head
       from tenantry.tenant_schema where tenant_id = $1 order by schema_name`,
    [tenant],
  );
  return rows;
}

/**
 * Waits for whoever provisions or migrates schemas of these tenants, and keeps others from beginning, until the transaction
 * ends.
 */
export async function lockSchemas(client: Querier, tenants: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ name: string }>('select name from tenantry.service');
  const names = tenants.flatMap((tenant) => rows.map(({ name }) => `${tenant}_${name}`));
  // Everybody takes these locks in the order of their names, also a batch of the fleet, so nobody waits in a circle.
  for (const name of names.toSorted()) await client.query(takeLock(lockNames.schema(name), 5000).text);
}
