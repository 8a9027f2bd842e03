import type pg from 'pg';

/** Ids of tenants to measure with. */
export function tenantIds(count: number, prefix = 't'): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${String(index + 1).padStart(5, '0')}`);
}

/** Signs tenants up and waits until the running service has provisioned them. */
export async function provisionTenants(admin: pg.Client, ids: readonly string[]): Promise<void> {
  await admin.query(
    'insert into tenantry.tenant (id, name) select id, id from unnest($1::text[]) id on conflict do nothing',
    [ids],
  );
  for (;;) {
    const { rows } = await admin.query<{ left: number }>(
      `select count(*)::int as left from unnest($1::text[]) id
        where not exists (select from tenantry.tenant_schema s where s.tenant_id = id and s.service = 'inventory')`,
      [ids],
    );
    if (rows[0]?.left === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Puts the same items into a schema's table. */
export async function fillItems(admin: pg.Client, schemas: readonly string[], rows: number): Promise<void> {
  for (const schema of schemas) {
    await admin.query(
      `insert into "${schema}".item (id, name, created_at, updated_at)
       select ('00000000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, 'item ' || i, '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'
         from generate_series(1, $1) i`,
      [rows],
    );
  }
}
