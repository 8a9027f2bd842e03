import type pg from 'pg';
import { one } from '../postgres/one.js';
import type { ServiceName } from '../tenant/service-name.js';
import type { FoundTenant } from './adoption-plan.js';
import type { AdoptionRecord } from './adoption-store.js';
import { captureShared, refuseFunction } from './capture-sql.js';
import type { Layout } from './layout.js';
import { sourceTable } from './part-sql.js';
import type { PlannedAdoption } from './plan-adoption.js';

/** Adds tenants to the catalog and to an adoption, with the rows that were counted for them. */
export async function addTenants(
  client: pg.ClientBase,
  adoption: number,
  tenants: readonly FoundTenant[],
  rows: ReadonlyMap<string, number>,
): Promise<void> {
  const ids = tenants.map(({ tenant }) => tenant);
  await client.query(
    'insert into tenantry.tenant (id, name) select * from unnest($1::text[], $2::text[]) on conflict (id) do nothing',
    [ids, tenants.map(({ name }) => name)],
  );
  await client.query(
    `insert into tenantry.adoption_tenant (adoption_id, source_id, tenant_id, rows)
     select $1, * from unnest($2::text[], $3::text[], $4::bigint[]) on conflict do nothing`,
    [adoption, tenants.map(({ sourceId }) => sourceId), ids, tenants.map(({ sourceId }) => rows.get(sourceId) ?? 0)],
  );
}

/**
 * Records an adoption, its tenants, and begins to capture changes of the shared tables: in one transaction, for which writers
 * of these tables wait a moment. What was committed before it is copied; what comes after it is captured.
 *
 * @param client - In a transaction.
 */
export async function beginAdoption(
  client: pg.ClientBase,
  service: ServiceName,
  { config, layout, plan, tenants }: PlannedAdoption,
): Promise<Pick<AdoptionRecord, 'id'>> {
  const { rows } = await client.query<{ id: number }>(
    "insert into tenantry.adoption (service, status, config, layout) values ($1, 'copying', $2, $3) returning id",
    [service, JSON.stringify(config), JSON.stringify(layout)],
  );
  const { id } = one(rows, 'insert into tenantry.adoption');
  const counted = new Map(
    plan.rows.map((row) => [row.sourceId, Object.values(row.rows).reduce((sum, n) => sum + n, 0)]),
  );
  await addTenants(client, id, tenants, counted);
  await client.query(refuseFunction());
  await client.query(lockShared(layout));
  for (const part of layout.parts) for (const text of captureShared(id, layout, part)) await client.query(text);
  return { id };
}

/**
 * Keeps writers out and lets readers in. All tables are locked in one statement, so that two adoptions never wait for
 * each other. Pure.
 */
export const lockShared = ({ parts }: Layout, more: readonly string[] = []) =>
  `lock table ${[...new Set([...parts.map(sourceTable), ...more])].toSorted().join(', ')} in share row exclusive mode`;
